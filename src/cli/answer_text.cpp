#include "cli/answer_text.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/console.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

std::string_view name(chat::StopReason stop) {
  switch (stop) {
    case chat::StopReason::end_turn: return "end_turn";
    case chat::StopReason::max_tokens: return "max_tokens";
    case chat::StopReason::stop_sequence: return "stop_sequence";
    case chat::StopReason::tool_use: return "tool_use";
    case chat::StopReason::content_filter: return "content_filter";
    case chat::StopReason::other: return "other";
  }
  return "other";
}

void member_or_null(json::Writer& out, std::string_view key, const std::string& value) {
  out.key(key);
  value.empty() ? out.null() : out.string(value);
}

void write_usage(json::Writer& out, const chat::Usage& usage) {
  out.key("usage").begin_object();
  out.member("input_tokens", usage.total_input()).member("output_tokens", usage.total_output());
  out.member("cache_read_tokens", usage.cached_input());
  out.member("cache_write_tokens", usage.cache_write_5m + usage.cache_write_1h);
  out.member("reasoning_tokens", usage.reasoning).member("reported", usage.reported).end_object();
}

void write_dropped(json::Writer& out, std::string_view dropped) {
  out.key("dropped_params").begin_array();
  while (!dropped.empty()) {
    const std::size_t comma = std::min(dropped.find(','), dropped.size());
    std::string_view one = dropped.substr(0, comma);
    dropped.remove_prefix(std::min(comma + 1, dropped.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (!one.empty()) out.string(one);
  }
  out.end_array();
}

}  // namespace

std::string facts_line(const Answer& answer) {
  const AnswerFacts& facts = answer.facts;
  std::string line = facts.provider.empty() ? facts.model : facts.provider + "/" + facts.model;
  const auto add = [&line](const std::string& part) { line += (line.empty() ? "" : ", ") + part; };
  if (!facts.ground.empty()) add(facts.ground);
  if (answer.usage.reported)
    add(fmt::format("{} tokens in, {} out", answer.usage.total_input(), answer.usage.total_output()));
  if (facts.cost_usd == "unpriced")
    add("unpriced");
  else if (!facts.cost_usd.empty())
    add(facts.cost_usd + " USD");
  if (facts.attempts.size() == 1 && facts.attempts > "1") add(facts.attempts + " attempts");
  if (answer.stop == chat::StopReason::max_tokens) add("cut at the token limit");
  return printable_line(line);
}

std::string answer_json(const Answer& answer) {
  const AnswerFacts& facts = answer.facts;
  std::string text;
  json::Writer out(text);
  out.begin_object().member("text", answer.text);
  member_or_null(out, "model", facts.model);
  member_or_null(out, "provider", facts.provider);
  member_or_null(out, "ground", facts.ground);
  member_or_null(out, "request_id", facts.request_id);
  std::int64_t attempts = 0;
  const char* const end = facts.attempts.data() + facts.attempts.size();
  out.key("attempts");
  std::from_chars(facts.attempts.data(), end, attempts).ec == std::errc() ? out.integer(attempts) : out.null();
  member_or_null(out, "cost_usd", facts.cost_usd == "unpriced" ? "" : facts.cost_usd);
  out.member("unpriced", facts.cost_usd == "unpriced");
  write_dropped(out, facts.dropped_params);
  out.member("stop", name(answer.stop));
  write_usage(out, answer.usage);
  out.end_object();
  return text;
}

}  // namespace sluice::cli
