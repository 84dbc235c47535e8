#include "dialects/cut.h"

#include <algorithm>

namespace sluice::dialects {

std::string_view at(std::string_view text, json::Span span) { return text.substr(span.begin, span.end - span.begin); }

void cut_elements(const std::vector<json::Span>& elements, const std::vector<bool>& kept, std::size_t offset,
                  std::vector<json::Span>& cuts) {
  const auto last_kept = std::ranges::find(kept.rbegin(), kept.rend(), true);
  const auto kept_count = static_cast<std::size_t>(kept.rend() - last_kept);  // up to the last one that stays
  for (std::size_t i = 0; i < kept_count; ++i)
    if (!kept[i]) cuts.push_back({offset + elements[i].begin, offset + elements[i + 1].begin});
  if (kept_count == elements.size()) return;
  const std::size_t from = kept_count == 0 ? elements.front().begin : elements[kept_count - 1].end;
  cuts.push_back({offset + from, offset + elements.back().end});
}

std::string with_changes(std::string_view body, std::span<const BodyChange> changes, KeptBytes* kept) {
  constexpr std::size_t long_bytes = 4096;  // to copy less costs less than one more piece in a system call
  const std::size_t first = changes.front().place.begin;
  const std::size_t last = changes.back().place.end;
  const std::size_t from = kept && first >= long_bytes ? first : 0;
  const std::size_t to = kept && body.size() - last >= long_bytes ? last : body.size();
  if (kept) *kept = {body.substr(0, from), body.substr(to)};
  std::size_t bytes = to - from;
  for (const BodyChange& change : changes) bytes += change.text.size();
  std::string out;
  out.reserve(bytes);
  std::size_t copied = from;
  for (const BodyChange& change : changes) {
    out.append(body.substr(copied, change.place.begin - copied)).append(change.text);
    copied = change.place.end;
  }
  return out.append(body.substr(copied, to - copied));
}

std::string without(std::string_view body, std::vector<json::Span> cuts) {
  std::ranges::sort(cuts, {}, &json::Span::begin);
  std::string out;
  out.reserve(body.size());
  std::size_t copied = 0;
  for (const json::Span& gone : cuts) {
    out.append(body.substr(copied, gone.begin - copied));
    copied = gone.end;
  }
  return out.append(body.substr(copied));
}

}  // namespace sluice::dialects
