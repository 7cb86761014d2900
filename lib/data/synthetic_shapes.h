// Points, colours and antialiased shapes for the portraits of `synthetic`.
//
// A shape is a signed distance: negative inside, zero on the outline. Coverage is the part of a pixel that
// lies inside, taking the outline for straight across the pixel.
#pragma once

#include <algorithm>
#include <cmath>

namespace duel::synthetic {

struct Vec2 {
  float x, y;
};
inline Vec2 operator+(Vec2 a, Vec2 b) { return {a.x + b.x, a.y + b.y}; }
inline Vec2 operator-(Vec2 a, Vec2 b) { return {a.x - b.x, a.y - b.y}; }
inline Vec2 operator*(Vec2 a, float s) { return {a.x * s, a.y * s}; }
inline float dot(Vec2 a, Vec2 b) { return a.x * b.x + a.y * b.y; }
inline float length(Vec2 a) { return std::sqrt(dot(a, a)); }

struct Vec3 {
  float x, y, z;
};
inline float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 normalised(Vec3 a) {
  const float s = 1.0f / std::sqrt(dot(a, a));
  return {a.x * s, a.y * s, a.z * s};
}

/// sRGB, each part 0 .. 1.
struct Rgb {
  float r, g, b;
};
inline Rgb operator+(Rgb a, Rgb b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline Rgb operator*(Rgb a, Rgb b) { return {a.r * b.r, a.g * b.g, a.b * b.b}; }
inline Rgb operator*(Rgb a, float s) { return {a.r * s, a.g * s, a.b * s}; }

inline float square(float x) { return x * x; }
inline float clamp01(float x) { return std::min(1.0f, std::max(0.0f, x)); }
inline float mix(float a, float b, float t) { return a + (b - a) * t; }
inline Vec2 mix(Vec2 a, Vec2 b, float t) { return a + (b - a) * t; }
inline Rgb mix(Rgb a, Rgb b, float t) { return a * (1.0f - t) + b * t; }
/// 0 at `from`, 1 at `to` (which may be the smaller one), smooth between.
inline float smoothstep(float from, float to, float x) {
  const float t = clamp01((x - from) / (to - from));
  return t * t * (3.0f - 2.0f * t);
}
/// The smaller of a and b, the corner between them rounded over the width k.
inline float smooth_min(float a, float b, float k) {
  const float h = std::max(0.0f, k - std::fabs(a - b)) / k;
  return std::min(a, b) - h * h * k * 0.25f;
}
inline float smooth_max(float a, float b, float k) { return -smooth_min(-a, -b, k); }

/// Signed distance to an ellipse around the origin: exact on the outline, approximate away from it.
inline float ellipse(Vec2 p, float rx, float ry) {
  const float level = length({p.x / rx, p.y / ry});
  const float slope = length({p.x / (rx * rx), p.y / (ry * ry)});
  return slope > 1e-6f ? level * (level - 1.0f) / slope : -std::min(rx, ry);
}
/// 1 in the middle of an ellipse, falling smoothly to 0 on its outline: for soft spots.
inline float soft_spot(Vec2 p, float rx, float ry) {
  return square(std::max(0.0f, 1.0f - square(p.x / rx) - square(p.y / ry)));
}
/// How far along the segment a-b, 0 .. 1, the point nearest to p lies.
inline float along_segment(Vec2 p, Vec2 a, Vec2 b) { return clamp01(dot(p - a, b - a) / dot(b - a, b - a)); }

/// A sine-like wave of the period 2 pi, -1 .. 1 (two parabolas), for |x| < 1000.
inline float wave(float x) {
  const float turns = x * 0.15915494f + 256.5f;  // shifted so that truncation rounds down
  const float t = turns - static_cast<float>(static_cast<int>(turns)) - 0.5f;
  return 8.0f * t - 16.0f * t * std::fabs(t);
}

/// Part of a pixel of the width `pixel` inside a shape whose outline is `distance` away.
inline float coverage(float distance, float pixel) { return clamp01(0.5f - distance / pixel); }
/// Part of a pixel under a line of the given half width; right for lines thinner than a pixel too.
inline float line_coverage(float distance, float half_width, float pixel) {
  const float d = std::fabs(distance);
  return clamp01((half_width - d) / pixel + 0.5f) - clamp01((-half_width - d) / pixel + 0.5f);
}
/// Part of a pixel between two edges, `below_top` under the upper and `above_bottom` over the lower one.
/// Right for gaps thinner than a pixel too.
inline float band_coverage(float below_top, float above_bottom, float pixel) {
  return std::max(0.0f, clamp01(0.5f + below_top / pixel) + clamp01(0.5f + above_bottom / pixel) - 1.0f);
}

}  // namespace duel::synthetic
