#include "store/tags.h"

#include <algorithm>

namespace sluice::store {
namespace {

bool may_stand_in_a_tag(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-:/=@").find(c) != std::string_view::npos;
}

std::string join(std::vector<std::string_view> tags) {
  std::ranges::sort(tags);
  const auto twice = std::ranges::unique(tags);
  tags.erase(twice.begin(), twice.end());
  std::string text;
  for (const std::string_view tag : tags) {
    if (!text.empty()) text += ',';
    text += tag;
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<std::string_view> split_tags(std::string_view tags) {
  std::vector<std::string_view> parts;
  while (!tags.empty()) {
    const std::size_t comma = std::min(tags.find(','), tags.size());
    parts.push_back(tags.substr(0, comma));
    tags.remove_prefix(std::min(comma + 1, tags.size()));
  }
  return parts;
}

Result<std::string> read_tags(std::string_view text) {
  std::vector<std::string_view> tags;
  for (std::string_view tag : split_tags(text)) {
    tag = trimmed(tag);
    if (tag.empty()) continue;
    if (tag.size() > max_tag_bytes || !std::ranges::all_of(tag, may_stand_in_a_tag))
      return fail(ErrorKind::invalid_request,
                  "a tag has 1 to " + std::to_string(max_tag_bytes) + " letters, digits and . _ - : / = @",
                  "write tags such as project=search,eval with commas between them");
    tags.push_back(tag);
    if (tags.size() > most_tags)
      return fail(ErrorKind::invalid_request, "there are more than " + std::to_string(most_tags) + " tags",
                  "tags are for groups of requests; leave out what tells single ones apart");
  }
  return join(std::move(tags));
}

std::string join_tags(std::string_view one, std::string_view other) {
  if (other.empty()) return std::string(one);
  if (one.empty()) return std::string(other);
  std::vector<std::string_view> tags = split_tags(one);
  for (const std::string_view tag : split_tags(other)) tags.push_back(tag);
  return join(std::move(tags));
}

bool has_tag(std::string_view tags, std::string_view tag) {
  while (!tags.empty()) {
    const std::size_t comma = std::min(tags.find(','), tags.size());
    if (tags.substr(0, comma) == tag) return true;
    tags.remove_prefix(std::min(comma + 1, tags.size()));
  }
  return false;
}

}  // namespace sluice::store
