#include "plan/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/quantity.h"

namespace sluice::plan {
namespace {

constexpr double width = 720;
constexpr double height = 320;
constexpr double left = 70;
constexpr double right = 150;  // room for the names at the lines' ends
constexpr double top = 16;
constexpr double bottom = 44;

std::string head(std::string_view title, std::string_view description, double high) {
  return fmt::format(
      "<figure><figcaption>{0}</figcaption><svg viewBox=\"0 0 {2:.0f} {3:.0f}\" role=\"img\" aria-label=\"{0}. {1}\">"
      "<title>{0}</title><desc>{1}</desc>",
      escaped(title), escaped(description), width, high);
}

std::string text(double x, double y, std::string_view anchor, std::string_view words, std::string_view classes = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>", x, y, anchor, classes,
                     escaped(words));
}

// Round steps from 0 or the least value: 1, 2 or 5 times a power of ten; or the powers themselves.
std::vector<double> ticks(double least, double most, bool logarithmic) {
  std::vector<double> all;
  if (logarithmic) {
    for (double at = std::pow(10, std::floor(std::log10(least))); at <= most * 1.0001; at *= 10)
      if (at >= least * 0.9999) all.push_back(at);
    return all;
  }
  const double rough = (most - least) / 5;
  if (rough <= 0) return {least};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
  for (double at = std::ceil(least / step) * step; at <= most + step * 1e-6; at += step) all.push_back(at);
  return all;
}

struct Frame {
  double least_x, most_x, least_y, most_y;
  bool logarithmic;
  double part(double value, double least, double most) const {
    if (logarithmic)
      return (std::log10(std::max(value, least)) - std::log10(least)) / (std::log10(most) - std::log10(least));
    return (value - least) / (most - least);
  }
  double x(double value) const { return left + part(value, least_x, most_x) * (width - left - right); }
  double y(double value) const { return height - bottom - part(value, least_y, most_y) * (height - top - bottom); }
};

std::string grid(const Frame& frame, const Axes& axes) {
  std::string out;
  for (const double at : ticks(frame.least_y, frame.most_y, axes.logarithmic)) {
    out += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>", left,
                       width - right, frame.y(at));
    out += text(left - 8, frame.y(at) + 4, "end", axes.dollars ? short_dollars(at) : short_number(at));
  }
  for (const double at : ticks(frame.least_x, frame.most_x, axes.logarithmic))
    out += text(frame.x(at), height - bottom + 18, "middle", short_number(at));
  out += fmt::format("<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>", left,
                     width - right, height - bottom);
  out += text((left + width - right) / 2, height - 8, "middle", axes.x, "label");
  out += text(left + 4, top - 4, "start", axes.y, "label");
  return out;
}

Frame frame_of(const std::vector<Point>& points, const Axes& axes) {
  Frame frame{INFINITY, -INFINITY, INFINITY, -INFINITY, axes.logarithmic};
  for (const Point& point : points) {
    frame.least_x = std::min(frame.least_x, point.x);
    frame.most_x = std::max(frame.most_x, point.x);
    frame.least_y = std::min(frame.least_y, point.y);
    frame.most_y = std::max(frame.most_y, point.y);
  }
  if (!axes.logarithmic) {
    frame.least_y = std::min(frame.least_y, 0.0);
    frame.most_y *= 1.05;
  }
  if (frame.most_x <= frame.least_x) frame.most_x = frame.least_x + 1;
  if (frame.most_y <= frame.least_y) frame.most_y = frame.least_y + 1;
  return frame;
}

}  // namespace

std::string escaped(std::string_view words) {
  std::string out;
  for (const char c : words) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  return out;
}

std::string short_dollars(double usd) {
  const double size = std::abs(usd);
  const std::string_view sign = usd < 0 ? "-" : "";
  if (size >= 1e9) return fmt::format("{}${:.3g}B", sign, size / 1e9);
  if (size >= 1e6) return fmt::format("{}${:.3g}M", sign, size / 1e6);
  if (size >= 1e3) return fmt::format("{}${:.3g}k", sign, size / 1e3);
  return fmt::format("{}${:.3g}", sign, size);
}

std::string line_chart(std::string_view title, std::string_view description, const std::vector<Series>& series,
                       const Axes& axes) {
  std::vector<Point> all;
  for (const Series& one : series) all.insert(all.end(), one.points.begin(), one.points.end());
  if (all.empty()) return {};
  const Frame frame = frame_of(all, axes);
  std::string out = head(title, description, height) + grid(frame, axes);
  std::vector<std::pair<double, std::size_t>> ends;
  for (std::size_t i = 0; i < series.size(); ++i) {
    std::string path;
    for (const Point& point : series[i].points)
      path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "M" : "L", frame.x(point.x), frame.y(point.y));
    out += fmt::format("<path class=\"line c{}\" d=\"{}\"/>", i % 8, path);
    if (!series[i].points.empty()) ends.emplace_back(frame.y(series[i].points.back().y), i);
  }
  std::ranges::sort(ends);
  double lowest = top - 8;
  for (const auto& [y, i] : ends) {
    lowest = std::max(y + 4, lowest + 15);
    out += text(width - right + 8, lowest, "start", series[i].name, fmt::format("t{}", i % 8));
  }
  return out + "</svg></figure>";
}

std::string bar_chart(std::string_view title, std::string_view description, const std::vector<HorizontalBar>& bars,
                      double centre) {
  if (bars.empty()) return {};
  constexpr double names = 240;
  constexpr double row = 30;
  double least = centre;
  double most = centre;
  for (const HorizontalBar& bar : bars) {
    least = std::min({least, bar.low, bar.high});
    most = std::max({most, bar.low, bar.high});
  }
  if (most <= least) most = least + 1;
  const double high = row * static_cast<double>(bars.size()) + 16;
  const auto x = [&](double value) { return names + (value - least) / (most - least) * (width - names - 160); };
  std::string out = head(title, description, high);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const HorizontalBar& bar = bars[i];
    const double y = 8 + row * static_cast<double>(i);
    const double from = std::min(x(bar.low), x(bar.high));
    const double to = std::max(x(bar.low), x(bar.high));
    out += text(names - 10, y + 18, "end", bar.name);
    out += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"18\" rx=\"3\"/>",
                       bar.strong ? "bar strong" : "bar", from, y + 5, std::max(2.0, to - from));
    if (bar.mark_shown)
      out += fmt::format("<line class=\"mark\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>",
                         x(bar.mark), y + 2, y + 26);
    out += text(to + 8, y + 18, "start", bar.text, "small");
  }
  if (centre > least)
    out += fmt::format("<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"4\" y2=\"{1:.1f}\"/>", x(centre),
                       high - 4);
  return out + "</svg></figure>";
}

std::string dot_chart(std::string_view title, std::string_view description, const std::vector<Dot>& dots,
                      const Axes& axes) {
  std::vector<Point> all;
  for (const Dot& dot : dots) all.push_back(dot.at);
  if (all.empty()) return {};
  const Frame frame = frame_of(all, axes);
  std::string out = head(title, description, height) + grid(frame, axes);
  for (const Dot& dot : dots) {
    out += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"6\"/>",
                       dot.chosen ? "dot strong"
                       : dot.out  ? "dot out"
                                  : "dot",
                       frame.x(dot.at.x), frame.y(dot.at.y));
    out += text(frame.x(dot.at.x) + 10, frame.y(dot.at.y) + 4, "start", dot.name, dot.out ? "small" : "");
  }
  return out + "</svg></figure>";
}

}  // namespace sluice::plan
