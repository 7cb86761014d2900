#include "lib/data/synthetic_portrait.h"

#include "lib/error.h"

namespace duel {

namespace synthetic {

namespace {

constexpr float kDegree = 0.017453292519943f;

Rgb bytes(int r, int g, int b) {
  return {static_cast<float>(r) / 255.0f, static_cast<float>(g) / 255.0f, static_cast<float>(b) / 255.0f};
}

Rgb skin_colour(float tone, float warmth) {
  const Rgb tones[] = {bytes(255, 226, 205), bytes(246, 205, 174), bytes(228, 176, 136), bytes(198, 140, 100),
                       bytes(160, 106, 72),  bytes(122, 78, 54),   bytes(92, 60, 46)};
  const float at = tone * 5.999f;
  const int step = static_cast<int>(at);
  const Rgb skin = mix(tones[step], tones[step + 1], at - static_cast<float>(step));
  return skin * Rgb{1.0f, 1.0f + 0.03f * warmth, 1.0f - 0.08f * std::max(0.0f, warmth)};
}

Rgb hair_colour(HairColour colour) {
  switch (colour) {
    case HairColour::Black:
      return bytes(36, 32, 36);
    case HairColour::DarkBrown:
      return bytes(62, 42, 34);
    case HairColour::Brown:
      return bytes(98, 66, 44);
    case HairColour::Chestnut:
      return bytes(128, 78, 46);
    case HairColour::Auburn:
      return bytes(140, 58, 36);
    case HairColour::Ginger:
      return bytes(208, 108, 48);
    case HairColour::DarkBlond:
      return bytes(176, 132, 80);
    case HairColour::Blond:
      return bytes(232, 196, 120);
    case HairColour::Grey:
      return bytes(150, 150, 154);
    case HairColour::White:
      return bytes(226, 224, 220);
    case HairColour::Blue:
      return bytes(62, 110, 190);
    case HairColour::Pink:
      return bytes(236, 130, 168);
    case HairColour::Violet:
      return bytes(128, 84, 168);
    case HairColour::Green:
      return bytes(70, 150, 110);
  }
  fail("[synthetic] no such hair colour: ", static_cast<int>(colour));
}

Rgb iris_colour(EyeColour colour) {
  switch (colour) {
    case EyeColour::DarkBrown:
      return bytes(62, 38, 26);
    case EyeColour::Brown:
      return bytes(112, 68, 36);
    case EyeColour::Hazel:
      return bytes(142, 108, 52);
    case EyeColour::Green:
      return bytes(84, 138, 84);
    case EyeColour::Blue:
      return bytes(70, 134, 196);
    case EyeColour::Grey:
      return bytes(118, 138, 152);
  }
  fail("[synthetic] no such eye colour: ", static_cast<int>(colour));
}

}  // namespace

Portrait::Portrait(const FaceFactors& face) : factors(face) {
  scale = 1.09f * face.zoom;
  middle = {2.0f * face.shift_x, 0.03f + 2.0f * face.shift_y};
  turn = {0.46f * std::sin(face.yaw * kDegree), -0.40f * std::sin(face.pitch * kDegree)};
  const float azimuth = face.light_azimuth * kDegree, elevation = face.light_elevation * kDegree;
  light = {std::sin(azimuth) * std::cos(elevation), -std::sin(elevation),
           std::cos(azimuth) * std::cos(elevation)};
  const float deep = face.light_strength;
  // Light scattered under the skin makes its shade warm.
  shade = {1.0f - 0.50f * deep, 1.0f - 0.60f * deep, 1.0f - 0.60f * deep};
  bright = {1.01f + 0.04f * deep, 1.01f + 0.04f * deep, 1.0f + 0.04f * deep};
  skin = skin_colour(face.skin_tone, face.skin_warmth);
  hair = hair_colour(face.hair_colour);
  const bool dyed = face.hair_colour >= HairColour::Blue;
  beard = mix(dyed ? hair_colour(HairColour::DarkBrown) : hair, bytes(58, 40, 32), 0.3f);
  iris = iris_colour(face.eye_colour);
  const Rgb natural = skin * Rgb{0.90f, 0.62f, 0.62f};
  const Rgb painted = mix(bytes(200, 44, 70), skin * Rgb{0.8f, 0.25f, 0.35f}, 0.4f);
  lips = mix(natural, painted, 0.85f * face.makeup);
  half_width = kHeadHalfWidth * face.face_width;
}

float Portrait::head_outline(Vec2 head) const {
  if (head.y < 0.0f) return ellipse(head, half_width, -kCrown);
  // Below the eyes a squared ellipse x^2 + y^2 - s x^2 y^2 = 1, narrowing towards the chin; its distance is
  // the level over the slope.
  const float rise = std::min(1.5f, head.y / kChin);
  const float narrowing = 0.10f - 0.05f * factors.jaw;
  const float rx = half_width * (1.0f - narrowing * rise * rise);
  const float squareness = 0.10f + 0.22f * factors.jaw;
  const Vec2 p = {(head.x - 0.30f * turn.x * rise * rise) / rx, (head.y - 0.25f * turn.y * rise) / kChin};
  const float level = p.x * p.x + p.y * p.y - squareness * square(p.x * p.y) - 1.0f;
  const Vec2 slope = {2.0f * p.x * (1.0f - squareness * p.y * p.y) / rx,
                      2.0f * p.y * (1.0f - squareness * p.x * p.x) / kChin};
  return level / std::max(0.5f, length(slope));
}

namespace {

/// How near the surface of the head is to the beholder: 1 in the middle, 0 at the outline.
float nearness(Vec2 p) { return std::max(0.0f, 1.0f - square(p.x / 0.78f) - square(p.y / 1.05f)); }

}  // namespace

Vec2 Portrait::face_point(Vec2 head) const { return head - turn * nearness(head); }

Vec2 Portrait::head_point(Vec2 face) const {
  Vec2 head = face;
  for (int round = 0; round < 3; ++round) head = face + turn * nearness(head);
  return head;
}

Canvas::Canvas(const Portrait& portrait, int64_t size)
    : portrait_(portrait),
      size_(size),
      pixel_(2.0f / (static_cast<float>(size) * portrait.scale)),
      sine_(std::sin(portrait.factors.roll * kDegree)),
      cosine_(std::cos(portrait.factors.roll * kDegree)),
      spots_(static_cast<size_t>(size * size)),
      colours_(static_cast<size_t>(size * size)) {
  const float step = 2.0f / static_cast<float>(size);
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = 0; x < size; ++x) {
      const Vec2 at = {(static_cast<float>(x) + 0.5f) * step - 1.0f,
                       (static_cast<float>(y) + 0.5f) * step - 1.0f};
      const Vec2 body = (at - portrait.middle) * (1.0f / portrait.scale);
      const Vec2 head = {body.x * cosine_ + body.y * sine_, body.y * cosine_ - body.x * sine_};
      spots_[static_cast<size_t>(y * size + x)] = {body, head, portrait.face_point(head),
                                                   portrait.head_outline(head)};
    }
  }
}

void Canvas::store(int64_t channels, uint8_t* pixels) const {
  const auto to_byte = [](float value) { return static_cast<uint8_t>(value * 255.0f + 0.5f); };
  for (const Rgb& painted : colours_) {
    const Rgb colour = {clamp01(painted.r), clamp01(painted.g), clamp01(painted.b)};
    if (channels == 1) {
      *pixels++ = to_byte(0.299f * colour.r + 0.587f * colour.g + 0.114f * colour.b);
    } else {
      *pixels++ = to_byte(colour.r);
      *pixels++ = to_byte(colour.g);
      *pixels++ = to_byte(colour.b);
    }
  }
}

Rgb from_hsl(float hue, float saturation, float lightness) {
  const float chroma = (1.0f - std::fabs(2.0f * lightness - 1.0f)) * saturation;
  const auto part = [&](float offset) {
    const float at = std::fmod(hue / 60.0f + offset, 6.0f);
    return lightness + chroma * (clamp01(std::fabs(at - 3.0f) - 1.0f) - 0.5f);
  };
  return {part(0.0f), part(4.0f), part(2.0f)};
}

}  // namespace synthetic

void check_face_picture(int64_t image_size, int64_t channels) {
  check(image_size >= 16 && image_size <= 1024, "[synthetic] image size ", image_size,
        ": faces are drawn from 16 to 1024 pixels");
  check(channels == 1 || channels == 3, "[synthetic] ", channels,
        " channels: faces have 1 (grey) or 3 (RGB)");
}

void draw_face(const FaceFactors& face, int64_t image_size, int64_t channels, uint8_t* pixels) {
  using namespace synthetic;
  check_face_picture(image_size, channels);
  for (const FaceFactor& factor : face_factors()) {
    const float value = factor.get(face);
    check(value >= factor.low && value <= factor.high, "[synthetic] ", factor.name, " = ", value,
          ": it goes from ", factor.low, " to ", factor.high);
  }
  const Portrait portrait(face);
  Canvas canvas(portrait, image_size);
  paint_background(canvas, portrait);
  paint_back_hair(canvas, portrait);
  paint_body(canvas, portrait);
  paint_head(canvas, portrait);
  paint_nose(canvas, portrait);
  paint_mouth(canvas, portrait);
  paint_facial_hair(canvas, portrait);
  paint_eyes(canvas, portrait);
  paint_brows(canvas, portrait);
  paint_glasses(canvas, portrait);
  paint_front_hair(canvas, portrait);
  canvas.store(channels, pixels);
}

}  // namespace duel
