#include "identity/text.h"

#include <algorithm>

#include "base/percent.h"
#include "base/query.h"

namespace sluice::identity {
namespace {

// Takes what stands before the next `mark` off `rest`.
std::string_view next(std::string_view& rest, char mark) {
  const std::size_t end = std::min(rest.find(mark), rest.size());
  const std::string_view one = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return one;
}

}  // namespace

Result<std::optional<std::string>> query_field(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (const auto one = take_parameter(query)) {
    if (one->name != name) continue;
    if (found) return fail(ErrorKind::invalid_request, "`" + std::string(name) + "` is there twice", "send it once");
    found = percent_decoded(one->value, true);
    if (!found)
      return fail(ErrorKind::invalid_request, "`" + std::string(name) + "` is no percent-encoding",
                  "encode it as RFC 3986");
  }
  return found;
}

std::string_view cookie(std::string_view header, std::string_view name) {
  std::string_view found;
  bool is_there = false;
  while (!header.empty()) {
    std::string_view value = next(header, ';');
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    const std::string_view key = next(value, '=');
    if (key != name) continue;
    if (is_there) return {};
    is_there = true;
    found = value;
  }
  return found;
}

bool is_local_path(std::string_view path) {
  constexpr std::size_t most_bytes = 512;
  if (path.empty() || path.size() > most_bytes || path[0] != '/') return false;
  if (path.size() > 1 && (path[1] == '/' || path[1] == '\\')) return false;  // browsers take both for another host
  return std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
}

bool has_domain(std::string_view email, const std::vector<std::string>& domains) {
  if (domains.empty()) return true;
  const std::size_t at = email.rfind('@');
  if (at == std::string_view::npos || at == 0) return false;
  std::string domain(email.substr(at + 1));
  std::ranges::transform(domain, domain.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::ranges::find(domains, domain) != domains.end();
}

}  // namespace sluice::identity
