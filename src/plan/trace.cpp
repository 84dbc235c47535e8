#include "plan/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <unordered_set>

#include "catalog/date.h"
#include "json/json.h"

namespace sluice::plan {
namespace {

constexpr double mooncake_block_tokens = 512;

std::unexpected<Error> bad_line(std::size_t line, std::string_view what) {
  return fail(ErrorKind::invalid_request, fmt::format("line {} of the trace: {}", line, what),
              "lines are `2023-11-16 18:17:03.97,4808,10` or {\"timestamp\": 0, \"input_length\": 6758, ...}");
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "2023-11-16 18:17:03.9799600" -> seconds of some epoch.
std::optional<double> seconds_of(std::string_view text) {
  if (text.size() < 19 || text[10] != ' ' || text[13] != ':' || text[16] != ':') return std::nullopt;
  const auto date = catalog::parse_date(text.substr(0, 10));
  const auto hour = number(text.substr(11, 2));
  const auto minute = number(text.substr(14, 2));
  const auto second = number(text.substr(17));
  if (!date || !hour || !minute || !second) return std::nullopt;
  const double day = static_cast<double>(date->time_since_epoch().count());
  return day * 86400 + *hour * 3600 + *minute * 60 + *second;
}

Result<TraceRow> read_csv_line(std::string_view line, std::size_t number_of_line) {
  const std::size_t first = line.find(',');
  const std::size_t second = first == std::string_view::npos ? first : line.find(',', first + 1);
  if (second == std::string_view::npos) return bad_line(number_of_line, "it has not three fields");
  const auto at = seconds_of(line.substr(0, first));
  const auto input = number(line.substr(first + 1, second - first - 1));
  const auto output = number(line.substr(second + 1));
  if (!at) return bad_line(number_of_line, "the time cannot be read");
  if (!input || !output || *input < 0 || *output < 0)
    return bad_line(number_of_line, "a count of tokens cannot be read");
  return TraceRow{.at_s = *at, .input = *input, .output = *output};
}

// `seen`: the hashes of all blocks so far, as an unbounded cache would hold them.
Result<TraceRow> read_json_line(std::string_view line, std::size_t number_of_line,
                                std::unordered_set<std::int64_t>& seen) {
  const auto document = json::Document::parse(line);
  if (!document) return bad_line(number_of_line, document.error().message);
  const json::Value root = document->root();
  const auto at = root["timestamp"].number();
  const auto input = root["input_length"].number();
  const auto output = root["output_length"].number();
  if (!at || !input || !output || *input < 0 || *output < 0)
    return bad_line(number_of_line, "timestamp, input_length or output_length is missing");
  TraceRow row{.at_s = *at / 1000, .input = *input, .output = *output};
  double hits = 0;
  bool prefix = true;
  for (const json::Value& hash : root["hash_ids"].elements()) {
    const bool known = !seen.insert(hash.integer().value_or(-1)).second;
    prefix = prefix && known;
    hits += prefix ? mooncake_block_tokens : 0;
  }
  if (row.input > 0) row.prefix_hit = std::min(1.0, hits / row.input);
  return row;
}

}  // namespace

Result<std::vector<TraceRow>> read_trace(std::string_view text) {
  std::vector<TraceRow> rows;
  std::unordered_set<std::int64_t> seen;
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line.starts_with("TIMESTAMP"))) continue;
    if (rows.size() == max_trace_rows) return bad_line(line_number, "there are more rows than are read");
    TRY(const TraceRow row,
        line.starts_with('{') ? read_json_line(line, line_number, seen) : read_csv_line(line, line_number));
    rows.push_back(row);
  }
  if (rows.empty()) return bad_line(1, "it has no requests");
  std::ranges::sort(rows, {}, [](const TraceRow& row) { return std::tuple(row.at_s, row.input, row.output); });
  const double start = rows.front().at_s;
  for (TraceRow& row : rows) row.at_s -= start;
  return rows;
}

TraceFacts facts_of(const std::vector<TraceRow>& rows) {
  TraceFacts facts{.requests = rows.size()};
  if (rows.empty()) return facts;
  facts.seconds = rows.back().at_s;
  std::map<std::int64_t, double> minutes;
  std::map<std::int64_t, double> seconds;
  double hit = 0;
  for (const TraceRow& row : rows) {
    facts.input += row.input;
    facts.output += row.output;
    hit += row.input * row.prefix_hit;
    ++minutes[static_cast<std::int64_t>(row.at_s / 60)];
    ++seconds[static_cast<std::int64_t>(row.at_s)];
  }
  const auto most = [](const auto& counts) {
    double peak = 0;
    for (const auto& [at, count] : counts) peak = std::max(peak, count);
    return peak;
  };
  if (facts.input > 0) facts.prefix_hit = hit / facts.input;
  if (facts.seconds > 0) {
    const double mean = static_cast<double>(rows.size()) / facts.seconds;
    facts.peak_minute = most(minutes) / 60 / mean;
    facts.peak_second = most(seconds) / mean;
  }
  return facts;
}

}  // namespace sluice::plan
