// What the painters of the parts of a portrait share: the canvas, the sitter's colours and the light.
#pragma once

#include <vector>

#include "lib/data/synthetic.h"
#include "lib/data/synthetic_shapes.h"

namespace duel::synthetic {

/// Where a pixel lies, in units of about half a width of the picture; x to the right, y down.
struct Spot {
  Vec2 body;      ///< the origin is the middle of the head; upright
  Vec2 head;      ///< tilted with the head
  Vec2 face;      ///< on the surface of the turned head: the same point of the face at every yaw and pitch
  float outline;  ///< signed distance to the outline of skull and jaw
};

/// The sitter: the factors and what follows from them for every part.
struct Portrait {
  explicit Portrait(const FaceFactors& factors);

  const FaceFactors& factors;
  float scale;        ///< half widths of the picture that one unit of Spot takes
  Vec2 middle;        ///< of the head, in half widths of the picture
  Vec2 turn;          ///< how far the nearest point of the head has moved by yaw and pitch
  Vec3 light;         ///< unit vector towards the light; z towards the beholder
  Rgb shade, bright;  ///< factors on a colour turned away from the light and towards it
  Rgb skin, hair, iris, lips;
  Rgb beard;         ///< also of the brows: dyes stay on the head
  float half_width;  ///< of the head at the eyes

  /// `albedo` as lit on a surface with this normal (need not be of unit length).
  Rgb lit(Rgb albedo, Vec3 normal) const {
    return albedo * mix(shade, bright, smoothstep(-0.45f, 1.0f, dot(normalised(normal), light)));
  }
  /// Signed distance to the outline of skull and jaw; `head` as in Spot.
  float head_outline(Vec2 head) const;
  /// The point of the face (see Spot) that a point of the head shows.
  Vec2 face_point(Vec2 head) const;
  /// The inverse of face_point().
  Vec2 head_point(Vec2 face) const;
};

/// Half axes of the mean head and where its parts stand on the face, in the units of Spot.
constexpr float kHeadHalfWidth = 0.55f;
constexpr float kCrown = -0.66f;
constexpr float kChin = 0.72f;
constexpr float kEyeLine = 0.02f;
constexpr float kEyeDistance = 0.225f;
constexpr float kMouthLine = 0.44f;

class Canvas {
 public:
  Canvas(const Portrait& portrait, int64_t size);

  /// The width of a pixel, in the units of Spot.
  float pixel() const { return pixel_; }

  /// Calls ink(spot, colour) on every pixel; it changes the colour as it likes.
  template <class Ink>
  void paint(Ink&& ink) {
    for (size_t i = 0; i < spots_.size(); ++i) ink(spots_[i], colours_[i]);
  }
  /// The same on the pixels of a square around `centre` (on the face) that reaches `reach` to each side.
  template <class Ink>
  void paint_near(Vec2 centre, float reach, Ink&& ink);

  /// Rounds to bytes; luminance where `channels` is 1.
  void store(int64_t channels, uint8_t* pixels) const;

 private:
  const Portrait& portrait_;
  int64_t size_;
  float pixel_;
  float sine_, cosine_;  // of the roll
  std::vector<Spot> spots_;
  std::vector<Rgb> colours_;
};

template <class Ink>
void Canvas::paint_near(Vec2 centre, float reach, Ink&& ink) {
  const Vec2 head = portrait_.head_point(centre);
  const Vec2 body = {head.x * cosine_ - head.y * sine_, head.x * sine_ + head.y * cosine_};
  const Vec2 at = portrait_.middle + body * portrait_.scale;
  const float half = 0.5f * static_cast<float>(size_);
  // The turned face is seen stretched by at most a third on the side that it turns to.
  const float wide = reach * 1.35f * portrait_.scale;
  const auto bound = [&](float c) {
    return std::clamp<int64_t>(static_cast<int64_t>(std::floor((c + 1.0f) * half)), 0, size_);
  };
  const int64_t x0 = bound(at.x - wide), x1 = std::min(size_, bound(at.x + wide) + 1);
  const int64_t y0 = bound(at.y - wide), y1 = std::min(size_, bound(at.y + wide) + 1);
  for (int64_t y = y0; y < y1; ++y) {
    for (int64_t x = x0; x < x1; ++x) {
      const size_t i = static_cast<size_t>(y * size_ + x);
      ink(spots_[i], colours_[i]);
    }
  }
}

inline void blend(Rgb& below, Rgb above, float alpha) { below = mix(below, above, alpha); }

/// A colour from hue (degrees), saturation and lightness (0 .. 1 each).
Rgb from_hsl(float hue, float saturation, float lightness);

// The parts, from back to front.
void paint_background(Canvas&, const Portrait&);
void paint_back_hair(Canvas&, const Portrait&);
void paint_body(Canvas&, const Portrait&);
void paint_head(Canvas&, const Portrait&);
void paint_eyes(Canvas&, const Portrait&);
void paint_nose(Canvas&, const Portrait&);
void paint_mouth(Canvas&, const Portrait&);
void paint_facial_hair(Canvas&, const Portrait&);
void paint_brows(Canvas&, const Portrait&);
void paint_glasses(Canvas&, const Portrait&);
void paint_front_hair(Canvas&, const Portrait&);

}  // namespace duel::synthetic
