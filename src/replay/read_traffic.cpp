#include "replay/read_traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "catalog/date.h"
#include "json/json.h"

namespace sluice::replay {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
constexpr Tokens mooncake_block_tokens = 512;
constexpr Tokens most_count = 1'000'000'000;  // tokens of one request; far beyond any model
constexpr std::size_t max_fields = 200;

// One of the readers' rows, or what is wrong with it.
struct Row {
  std::int64_t start_us = 0;
  Stream stream;
  chat::Usage usage;
  std::optional<Money> cost;
  bool correction = false;
};
using ReadRow = Result<Row>;

std::unexpected<Error> wrong(std::string what) { return fail(ErrorKind::invalid_request, std::move(what), ""); }

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Up to six digits behind the point count; Azure's traces have seven.
std::optional<std::int64_t> fraction_us(std::string_view text) {
  std::int64_t us = 0;
  std::int64_t place = us_per_second / 10;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    us += (digit - '0') * place;
    place /= 10;
  }
  return us;
}

// "2023-11-16 18:17:03.9799600" and "2026-04-01T12:30:00.5Z" -> microseconds since 1970 UTC.
std::optional<std::int64_t> time_us(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  if (text.ends_with("+00:00")) text.remove_suffix(6);
  if (text.size() < 19 || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const auto date = catalog::parse_date(text.substr(0, 10));
  const auto hour = integer_of(text.substr(11, 2));
  const auto minute = integer_of(text.substr(14, 2));
  const auto second = integer_of(text.substr(17, 2));
  if (!date || !hour || !minute || !second || *hour < 0 || *hour > 23 || *minute < 0 || *minute > 59 || *second < 0 ||
      *second > 60)
    return std::nullopt;
  std::optional<std::int64_t> fraction = 0;
  if (text.size() > 19) fraction = text[19] == '.' ? fraction_us(text.substr(20)) : std::nullopt;
  if (!fraction) return std::nullopt;
  const std::int64_t seconds =
      static_cast<std::int64_t>(date->time_since_epoch().count()) * 86'400 + *hour * 3'600 + *minute * 60 + *second;
  return seconds * us_per_second + *fraction;
}

// "-0.15" too: a correction may lower a cost.
std::optional<Money> money_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto amount = Money::parse_usd(text);
  if (!amount) return std::nullopt;
  return negative ? Money::pico(-amount->pico()) : *amount;
}

Result<Tokens> count_of(std::optional<std::int64_t> value, std::string_view name) {
  if (!value) return wrong(fmt::format("{} is missing or no whole number", name));
  if (*value < 0 || *value > most_count) return wrong(fmt::format("{} cannot be {}", name, *value));
  return *value;
}

// The fields of one line of CSV as RFC 4180 has them; a field with a line break is not looked for. Empty when a quote
// is not closed or there are too many.
std::optional<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"')
        fields.back() += c;
      else if (i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[++i];
      else
        quoted = false;
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      if (fields.size() == max_fields) return std::nullopt;
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return std::nullopt;
  return fields;
}

ReadRow read_azure(std::string_view line) {
  const std::size_t first = line.find(',');
  const std::size_t second = first == std::string_view::npos ? first : line.find(',', first + 1);
  if (second == std::string_view::npos || line.find(',', second + 1) != std::string_view::npos)
    return wrong("it has not three fields: TIMESTAMP,ContextTokens,GeneratedTokens");
  const auto at = time_us(line.substr(0, first));
  if (!at) return wrong("the time cannot be read");
  Row row{.start_us = *at};
  TRY(row.usage.input, count_of(integer_of(line.substr(first + 1, second - first - 1)), "ContextTokens"));
  TRY(row.usage.output, count_of(integer_of(line.substr(second + 1)), "GeneratedTokens"));
  row.usage.reported = true;
  return row;
}

// Which blocks a prompt cache holds, by when each was last read or written.
class BlockCache {
 public:
  explicit BlockCache(std::chrono::seconds life) : life_us_(life.count() * us_per_second) {}
  // Tokens of the prompt's beginning that are held at that time; then all blocks of the prompt are.
  Result<Tokens> read(const std::vector<std::int64_t>& blocks, std::int64_t at_us) {
    Tokens held = 0;
    bool prefix = true;
    for (const std::int64_t block : blocks) {
      const auto [where, is_new] = last_.try_emplace(block, at_us);
      prefix = prefix && !is_new && at_us - where->second <= life_us_;
      held += prefix ? mooncake_block_tokens : 0;
      where->second = at_us;
      if (last_.size() > max_cached_blocks)
        return fail(ErrorKind::request_too_large, fmt::format("more than {} prompt blocks", max_cached_blocks),
                    "replay a part of the trace");
    }
    return held;
  }

 private:
  std::int64_t life_us_;
  std::unordered_map<std::int64_t, std::int64_t> last_;
};

ReadRow read_mooncake(const json::Value& root, BlockCache& cache) {
  const auto at_ms = root["timestamp"].number();
  if (!at_ms || *at_ms < 0 || *at_ms > 1e15) return wrong("timestamp is missing or no number of milliseconds");
  Row row{.start_us = static_cast<std::int64_t>(*at_ms * 1000)};
  TRY(const Tokens input, count_of(root["input_length"].integer(), "input_length"));
  TRY(row.usage.output, count_of(root["output_length"].integer(), "output_length"));
  std::vector<std::int64_t> blocks;
  for (const json::Value& hash : root["hash_ids"].elements()) {
    const auto block = hash.integer();
    if (!block) return wrong("hash_ids has an element that is no whole number");
    blocks.push_back(*block);
  }
  TRY(const Tokens held, cache.read(blocks, row.start_us));
  row.usage.cache_read = std::min(input, held);
  row.usage.input = input - row.usage.cache_read;
  row.usage.reported = true;
  return row;
}

// The columns of our own export, by name.
using Get = std::function<std::optional<std::string>(std::string_view)>;

ReadRow read_own(const Get& get) {
  const auto started = get("started_at");
  const auto at = started ? time_us(*started) : std::nullopt;
  if (!at) return wrong("started_at is missing or no time");
  Row row{.start_us = *at};
  row.stream.provider = get("provider").value_or("");
  row.stream.model = get("model").value_or("");
  row.stream.route = get("requested_model").value_or("");
  const auto key = get("key");
  row.stream.key = key && !key->empty() ? *key : get("key_id").value_or("");
  row.stream.team = get("team").value_or("");
  row.stream.workload = get("workload").value_or("");
  if (row.stream.provider.empty() || row.stream.model.empty()) return wrong("provider or model is missing");
  if (const auto tier = get("service_tier"); tier && !tier->empty()) {
    const auto known = chat::service_tier_from_name(*tier);
    if (!known) return wrong(fmt::format("there is no service tier `{}`", *tier));
    row.stream.service_tier = *known;
  }
  const auto count = [&](const char* name) { return count_of(integer_of(get(name).value_or("")), name); };
  const auto count_if_there = [&](const char* name) {
    const auto text = get(name);
    return text && !text->empty() ? count_of(integer_of(*text), name) : Result<Tokens>(0);
  };
  TRY(row.usage.input, count("input_tokens"));
  TRY(row.usage.output, count("output_tokens"));
  TRY(row.usage.cache_read, count_if_there("cache_read_tokens"));
  TRY(row.usage.cache_write_5m, count_if_there("cache_write_5m_tokens"));
  TRY(row.usage.cache_write_1h, count_if_there("cache_write_1h_tokens"));
  TRY(row.usage.reasoning, count_if_there("reasoning_tokens"));
  TRY(row.usage.searches, count_if_there("searches"));
  // What is no text is in the sums above, and has prices of its own.
  struct Part {
    const char* name;
    Tokens chat::Usage::* part;
    Tokens chat::Usage::* whole;
  };
  constexpr Part parts[] = {
      {"input_audio_tokens", &chat::Usage::input_audio, &chat::Usage::input},
      {"input_image_tokens", &chat::Usage::input_image, &chat::Usage::input},
      {"input_video_tokens", &chat::Usage::input_video, &chat::Usage::input},
      {"cache_read_audio_tokens", &chat::Usage::cache_read_audio, &chat::Usage::cache_read},
      {"output_audio_tokens", &chat::Usage::output_audio, &chat::Usage::output},
      {"output_image_tokens", &chat::Usage::output_image, &chat::Usage::output},
  };
  for (const Part& one : parts) {
    TRY(row.usage.*one.part, count_if_there(one.name));
    row.usage.*one.whole -= row.usage.*one.part;
    if (row.usage.*one.whole < 0)
      return wrong(fmt::format("{} is more than the tokens that it is a part of", one.name));
  }
  row.usage.service_tier = row.stream.service_tier;
  row.correction = get("correction").value_or("") == "true";
  if (const auto cost = get("cost_usd"); cost && !cost->empty() && *cost != "null") {
    row.cost = money_of(*cost);
    if (!row.cost) return wrong(fmt::format("cost_usd is `{}`, which is no amount", *cost));
  }
  return row;
}

ReadRow read_own_json(std::string_view line, const json::Value& root) {
  // The amount as it is written: a double would lose its last digits.
  TRY(const auto spans, json::find_members(line, {"cost_usd"}));
  return read_own([&](std::string_view name) -> std::optional<std::string> {
    const json::Value value = root[name];
    if (!value.exists() || value.is_null()) return std::nullopt;
    if (name == "cost_usd" && spans[0] && !value.is_string())
      return std::string(line.substr(spans[0]->begin, spans[0]->end - spans[0]->begin));
    if (const auto text = value.string()) return std::string(*text);
    return value.text();
  });
}

enum class Format : std::uint8_t { azure, own_csv, json_lines };

Result<Format> format_of(std::string_view first) {
  if (first.starts_with('{')) return Format::json_lines;
  if (first.starts_with("TIMESTAMP,")) return Format::azure;
  if (first.find("started_at") != std::string_view::npos && first.find("input_tokens") != std::string_view::npos)
    return Format::own_csv;
  if (first.starts_with("PAR1"))
    return fail(ErrorKind::invalid_request, "this is a Parquet file", "export as CSV or JSON lines: --format csv");
  if (first.find("BilledCost") != std::string_view::npos)
    return fail(ErrorKind::invalid_request, "these are FOCUS charges: sums, without arrivals and requests",
                "sluice logs export --rows requests --format csv");
  return fail(ErrorKind::invalid_request, "line 1: this is no trace that is known here",
              "known are Azure's CSV (TIMESTAMP,ContextTokens,GeneratedTokens), Mooncake's JSON lines, and the rows of "
              "`sluice logs export` as csv or jsonl");
}

class Reader {
 public:
  Reader(Format format, const ReadOptions& options) : format_(format), cache_(options.cache_life) {}

  Result<void> header(std::string_view line) {
    const auto names = csv_fields(line);
    if (!names) return fail(ErrorKind::invalid_request, "line 1: the header cannot be read", "export it again");
    for (std::size_t i = 0; i < names->size(); ++i) columns_[(*names)[i]] = i;
    traffic_.set_has_costs(columns_.contains("cost_usd"));
    return {};
  }

  Result<void> line(std::string_view text, std::size_t number) {
    Result<Row> row = read(text);
    if (row) {
      const Result<void> added = traffic_.add(row->start_us, row->stream, row->usage, row->cost, row->correction);
      if (added) return {};
      if (added.error().kind != ErrorKind::invalid_request) return std::unexpected(added.error());
      row = std::unexpected(added.error());
    }
    if (row.error().kind != ErrorKind::invalid_request) return std::unexpected(row.error());
    traffic_.add_fault(number, row.error().message);
    if (traffic_.fault_count() > max_faults)
      return fail(ErrorKind::invalid_request,
                  fmt::format("more than {} rows cannot be read; the first: line {}: {}", max_faults,
                              traffic_.faults().front().line, traffic_.faults().front().what),
                  "is it the right file?");
    return {};
  }

  Result<Traffic> finish() {
    if (traffic_.requests() == 0) {
      if (traffic_.fault_count() == 0)
        return fail(ErrorKind::invalid_request, "there are no calls in it", "is it the right file, or the right time?");
      return fail(ErrorKind::invalid_request,
                  fmt::format("none of {} rows can be read; the first: line {}: {}", traffic_.fault_count(),
                              traffic_.faults().front().line, traffic_.faults().front().what),
                  "is it the right file?");
    }
    traffic_.sort();
    return std::move(traffic_);
  }

 private:
  Result<Row> read(std::string_view text) {
    if (format_ == Format::azure) return read_azure(text);
    if (format_ == Format::own_csv) {
      const auto fields = csv_fields(text);
      if (!fields) return wrong("a quote is not closed");
      if (fields->size() != columns_.size())
        return wrong(fmt::format("it has {} fields, and the header has {}", fields->size(), columns_.size()));
      return read_own([&](std::string_view name) -> std::optional<std::string> {
        const auto at = columns_.find(name);
        if (at == columns_.end()) return std::nullopt;
        return (*fields)[at->second];
      });
    }
    const auto document = json::Document::parse(text);
    if (!document) return wrong(document.error().message);
    const json::Value root = document->root();
    if (root["input_length"].exists() || root["timestamp"].exists()) return read_mooncake(root, cache_);
    if (root["cost_usd"].exists()) traffic_.set_has_costs(true);
    return read_own_json(text, root);
  }

  Format format_;
  BlockCache cache_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  Traffic traffic_;
};

}  // namespace

Result<Traffic> read_traffic(std::string_view text, const ReadOptions& options) {
  const std::string_view first = text.substr(0, text.find('\n'));
  TRY(const Format format, format_of(first));
  Reader reader(format, options);
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (number == 1 && format != Format::json_lines) {
      if (format == Format::own_csv) CHECK_OK(reader.header(line));
      continue;
    }
    CHECK_OK(reader.line(line, number));
  }
  return reader.finish();
}

}  // namespace sluice::replay
