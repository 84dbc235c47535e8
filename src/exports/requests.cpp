#include "exports/requests.h"

namespace sluice::exports {
namespace {

// Each column once: what it is called, what it is, and its cell.
struct RequestColumn {
  const char* name;
  Type type;
  bool nullable;
  Cell (*cell)(const store::LoggedEntry& logged);
};

using Logged = store::LoggedEntry;

template <class Text>
std::string word(const Text& text) {
  return std::string(text);
}

constexpr RequestColumn columns[] = {
    {"row", Type::integer, false, [](const Logged& l) -> Cell { return l.row; }},
    {"request_id", Type::text, false, [](const Logged& l) -> Cell { return l.entry.request_id.str(); }},
    {"started_at", Type::time, false, [](const Logged& l) -> Cell { return Moment{l.entry.start_us}; }},
    {"ended_at", Type::time, false, [](const Logged& l) -> Cell { return Moment{l.entry.end_us}; }},
    {"key_id", Type::text, false, [](const Logged& l) -> Cell { return l.entry.key_id.str(); }},
    {"key", Type::text, false, [](const Logged& l) -> Cell { return l.key_name; }},
    {"dialect", Type::text, false, [](const Logged& l) -> Cell { return word(name(l.entry.client_dialect)); }},
    {"requested_model", Type::text, false, [](const Logged& l) -> Cell { return l.entry.requested_model; }},
    {"provider", Type::text, false, [](const Logged& l) -> Cell { return l.entry.provider.str(); }},
    {"model", Type::text, false, [](const Logged& l) -> Cell { return l.entry.model.str(); }},
    {"ground", Type::text, false, [](const Logged& l) -> Cell { return word(name(l.entry.ground)); }},
    {"stream", Type::boolean, false, [](const Logged& l) -> Cell { return l.entry.stream; }},
    {"status", Type::integer, false, [](const Logged& l) -> Cell { return std::int64_t{l.entry.status}; }},
    {"outcome", Type::text, false, [](const Logged& l) -> Cell { return word(name(l.entry.outcome)); }},
    {"attempt", Type::integer, false, [](const Logged& l) -> Cell { return std::int64_t{l.entry.attempt}; }},
    {"final", Type::boolean, false, [](const Logged& l) -> Cell { return l.entry.final; }},
    {"input_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.fresh_input(); }},
    {"cache_read_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.cached_input(); }},
    {"cache_write_5m_tokens", Type::integer, false,
     [](const Logged& l) -> Cell { return l.entry.usage.cache_write_5m; }},
    {"cache_write_1h_tokens", Type::integer, false,
     [](const Logged& l) -> Cell { return l.entry.usage.cache_write_1h; }},
    {"output_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.visible_output(); }},
    {"reasoning_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.reasoning; }},
    {"searches", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.searches; }},
    {"service_tier", Type::text, false,
     [](const Logged& l) -> Cell { return word(chat::name(l.entry.usage.service_tier)); }},
    {"usage_reported", Type::boolean, false, [](const Logged& l) -> Cell { return l.entry.usage.reported; }},
    {"cost_usd", Type::decimal, true,
     [](const Logged& l) -> Cell { return l.entry.cost ? Cell(Decimal{l.entry.cost->pico()}) : Cell(); }},
    {"price_source", Type::text, false, [](const Logged& l) -> Cell { return l.entry.price_source; }},
    {"correction", Type::boolean, false,
     [](const Logged& l) -> Cell { return l.entry.correction != store::Correction::none; }},
    {"first_token_us", Type::integer, true,
     [](const Logged& l) -> Cell { return l.entry.ttft_us >= 0 ? Cell(l.entry.ttft_us) : Cell(); }},
    {"total_us", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.total_us; }},
    {"workload", Type::text, false, [](const Logged& l) -> Cell { return l.entry.workload; }},
    // Of those above what is no text: of the input, of what came from the cache, of the output.
    {"input_audio_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.input_audio; }},
    {"input_image_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.input_image; }},
    {"input_video_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.input_video; }},
    {"cache_read_audio_tokens", Type::integer, false,
     [](const Logged& l) -> Cell { return l.entry.usage.cache_read_audio; }},
    {"output_audio_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.output_audio; }},
    {"output_image_tokens", Type::integer, false, [](const Logged& l) -> Cell { return l.entry.usage.output_image; }},
};

}  // namespace

std::vector<Column> request_columns() {
  std::vector<Column> made;
  for (const RequestColumn& column : columns) made.push_back({column.name, column.type, column.nullable});
  return made;
}

std::vector<Cell> request_cells(const store::LoggedEntry& logged) {
  std::vector<Cell> cells;
  cells.reserve(std::size(columns));
  for (const RequestColumn& column : columns) cells.push_back(column.cell(logged));
  return cells;
}

}  // namespace sluice::exports
