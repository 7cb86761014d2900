#include "apps/gan/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "lib/divisor.h"

namespace duel::gan {
namespace {

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// How many characters the terminal shows in a line without going on to the next, from where '\r' does not
/// lead back.
size_t terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
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

Progress::~Progress() {
  if (!shown_.empty()) std::cout << std::endl;
}

std::string Progress::line(const Metrics& m, bool narrow) const {
  const double elapsed = seconds_between(start_, Clock::now());
  const auto count = static_cast<double>(done_ - done_at_start_);
  const auto left = static_cast<double>(total_ - done_);
  const int64_t epochs = ceil_divide(total_, batches_per_epoch_);
  char text[256];
  std::snprintf(text, sizeof text,
                narrow ? "epoch %lld/%lld %lld/%lld  D %.3f G %.3f  D(x) %.2f D(G(z)) %.2f  %.0f/s  %s left"
                       : "epoch %lld/%lld  batch %lld/%lld  D %.3f  G %.3f  D(x) %.3f  D(G(z)) %.3f  %.0f "
                         "images/s  %s left",
                static_cast<long long>(m.epoch), static_cast<long long>(epochs),
                static_cast<long long>(m.batch), static_cast<long long>(batches_per_epoch_), m.d_loss,
                m.g_loss, m.d_real, m.d_fake, count * static_cast<double>(batch_size_) / elapsed,
                duration(elapsed / count * left).c_str());
  return text;
}

void Progress::update(const Metrics& metrics, bool logged) {
  done_ = metrics.step;
  if (!terminal_) {
    if (logged) std::cout << line(metrics, false) << std::endl;
    return;
  }
  const auto now = Clock::now();
  if (!shown_.empty() && done_ < total_ && seconds_between(drawn_, now) < 0.2) return;
  drawn_ = now;
  hide();
  const size_t columns = terminal_columns();
  shown_ = line(metrics, false);
  if (shown_.size() > columns) shown_ = line(metrics, true).substr(0, columns);
  show();
}

void Progress::hide() const {
  if (!shown_.empty()) std::cout << '\r' << std::string(shown_.size(), ' ') << '\r' << std::flush;
}

void Progress::show() const { std::cout << shown_ << std::flush; }

void Progress::message(const std::string& text) {
  if (!shown_.empty()) std::cout << '\n';
  shown_.clear();
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
