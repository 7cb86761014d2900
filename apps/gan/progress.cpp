#include "apps/gan/progress.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace duel::gan {
namespace {

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

std::string duration(double seconds) {
  const auto total = static_cast<long long>(seconds + 0.5);
  char text[64];
  if (total < 60) {
    std::snprintf(text, sizeof text, "%lld s", total);
  } else if (total < 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
  }
  return text;
}

Progress::Progress(int64_t total, int64_t batches_per_epoch, int64_t batch_size, int64_t done)
    : total_(total),
      batches_per_epoch_(batches_per_epoch),
      batch_size_(batch_size),
      done_at_start_(done),
      done_(done),
      done_at_mark_(done),
      terminal_(isatty(STDOUT_FILENO) == 1),
      start_(Clock::now()),
      mark_(start_),
      drawn_(start_) {}

std::string Progress::line(const Metrics& m) const {
  const double elapsed = seconds_between(start_, Clock::now());
  const auto count = static_cast<double>(done_ - done_at_start_);
  const auto left = static_cast<double>(total_ - done_);
  const int64_t epochs = (total_ + batches_per_epoch_ - 1) / batches_per_epoch_;
  char text[256];
  std::snprintf(
      text, sizeof text,
      "epoch %lld/%lld  batch %lld/%lld  D %.3f  G %.3f  D(x) %.3f  D(G(z)) %.3f  %.0f images/s  %s left",
      static_cast<long long>(m.epoch), static_cast<long long>(epochs), static_cast<long long>(m.batch),
      static_cast<long long>(batches_per_epoch_), m.d_loss, m.g_loss, m.d_real, m.d_fake,
      count * static_cast<double>(batch_size_) / elapsed, duration(elapsed / count * left).c_str());
  return text;
}

void Progress::update(const Metrics& metrics, bool logged) {
  done_ = metrics.step;
  if (!terminal_) {
    if (logged) std::cout << line(metrics) << std::endl;
    return;
  }
  const auto now = Clock::now();
  if (shown_ > 0 && seconds_between(drawn_, now) < 0.2) return;
  drawn_ = now;
  const std::string text = line(metrics);
  std::cout << '\r' << text << std::string(text.size() < shown_ ? shown_ - text.size() : 0, ' ')
            << std::flush;
  shown_ = text.size();
}

void Progress::message(const std::string& text) {
  if (shown_ > 0) std::cout << '\n';
  shown_ = 0;
  std::cout << text << std::endl;
}

double Progress::images_per_second() {
  const auto now = Clock::now();
  const auto count = static_cast<double>((done_ - done_at_mark_) * batch_size_);
  const double speed = count / seconds_between(mark_, now);
  mark_ = now;
  done_at_mark_ = done_;
  return speed;
}

}  // namespace duel::gan
