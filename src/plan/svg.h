// Charts as inline SVG: readable without scripts, with a title and a description for those who do not see them, and
// coloured by the page's style sheet so that they print and follow a dark theme.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::plan {

std::string escaped(std::string_view text);  // for HTML text and attribute values

struct Point {
  double x = 0;
  double y = 0;
};
struct Series {
  std::string name;
  std::vector<Point> points;
};
struct Axes {
  std::string x;
  std::string y;
  bool logarithmic = false;  // both
  bool dollars = true;       // y
};
// At most 8 series are told apart by colour and dash, and named at their ends.
std::string line_chart(std::string_view title, std::string_view description, const std::vector<Series>& series,
                       const Axes& axes);

struct HorizontalBar {
  std::string name;
  double low = 0;    // where the bar begins
  double high = 0;   // and ends
  std::string text;  // beside it
  double mark = 0;   // a line in it, when mark_shown
  bool mark_shown = false;
  bool strong = false;
};
std::string bar_chart(std::string_view title, std::string_view description, const std::vector<HorizontalBar>& bars,
                      double centre);

struct Dot {
  std::string name;
  Point at;
  bool chosen = false;
  bool out = false;
};
std::string dot_chart(std::string_view title, std::string_view description, const std::vector<Dot>& dots,
                      const Axes& axes);

// "$41.8k", "$1.2M": for axes.
std::string short_dollars(double usd);

}  // namespace sluice::plan
