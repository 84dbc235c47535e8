#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/ascii.h"

namespace sluice {
namespace {

std::unexpected<Error> bad(std::string_view text, const char* why, const char* hint) {
  return fail(ErrorKind::invalid_request, "'" + std::string(text) + "' " + why, hint);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

struct HostPort {
  std::string_view host;  // without brackets
  std::string_view port;  // empty when there is none
  bool ok = true;
};

HostPort split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return {.host = {}, .port = {}, .ok = false};
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) return {text.substr(1, close - 1), {}};
    return {text.substr(1, close - 1), rest.substr(1), rest.front() == ':' && rest.size() > 1};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1), text.find(':') == colon && colon + 1 < text.size()};
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '-' && c != '.' && c != '_' && c != ':') return false;
  }
  return true;
}

using Ipv4 = std::array<std::uint8_t, 4>;
using Ipv6 = std::array<std::uint8_t, 16>;

bool is_private(const Ipv4& ip) {
  if (ip == Ipv4{}) return true;                     // "this host"
  if (ip[0] == 127 || ip[0] == 10) return true;      // loopback, RFC 1918
  if (ip[0] == 172 && ip[1] / 16 == 1) return true;  // 172.16.0.0/12
  return (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254);
}

bool is_private(const Ipv6& ip) {
  const bool zeros = std::all_of(ip.begin(), ip.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
  if (zeros && ip[10] == 0xff && ip[11] == 0xff) return is_private(Ipv4{ip[12], ip[13], ip[14], ip[15]});
  Ipv6 loopback{};
  loopback.back() = 1;
  if (ip == Ipv6{} || ip == loopback) return true;
  return (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);  // fc00::/7, fe80::/10
}

}  // namespace

std::string place_text(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return "unix:" + endpoint.unix_path;
  const bool brackets = endpoint.host.contains(':');
  const std::string host = endpoint.host.empty() ? "*" : brackets ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

Result<Endpoint> parse_listen_address(std::string_view text) {
  constexpr const char* hint = "write ADDR:PORT such as 127.0.0.1:8080, [::1]:8080, :8080, or unix:/path";
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    if (!path.starts_with('/') || path.size() > 107)
      return bad(text, "is not the absolute path of a socket, of at most 107 bytes", hint);
    return Endpoint{.unix_path = std::string(path)};
  }
  const HostPort parts = split(text);
  const auto port = parse_port(parts.port);
  if (!parts.ok || !port || (!parts.host.empty() && !is_host(parts.host)))
    return bad(text, "is not an address to listen on", hint);
  return Endpoint{.host = std::string(parts.host), .port = *port};
}

Result<BaseUrl> parse_base_url(std::string_view text) {
  constexpr const char* hint = "write https://HOST[:PORT][/PATH], without user, query or fragment";
  BaseUrl url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.endpoint.tls = true;
    url.endpoint.port = 443;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    url.endpoint.port = 80;
    rest.remove_prefix(7);
  } else {
    return bad(text, "is not an http or https URL", hint);
  }
  for (const char c : rest)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '@' || c == '?' || c == '#' || c == '\\')
      return bad(text, "has a part that a base URL cannot have", hint);
  const std::size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  const HostPort parts = split(authority);
  if (!parts.ok || !is_host(parts.host)) return bad(text, "has no valid host", hint);
  if (!parts.port.empty()) {
    const auto port = parse_port(parts.port);
    if (!port || *port == 0) return bad(text, "has no valid port", hint);
    url.endpoint.port = *port;
  }
  url.endpoint.host = parts.host;
  url.path_prefix = path;
  url.host_header = authority;
  return url;
}

Result<BaseUrl> parse_server_address(std::string_view text) {
  if (!text.starts_with("unix:")) {
    auto url = parse_base_url(text);
    if (!url) url.error().hint = "an address looks like http://127.0.0.1:8080 or unix:/run/sluice.sock";
    return url;
  }
  TRY(Endpoint endpoint, parse_listen_address(text));
  return BaseUrl{.endpoint = std::move(endpoint), .path_prefix = {}, .host_header = "localhost"};
}

bool is_private_host(std::string_view host) {
  const std::string name = ascii_lowered(host);
  if (Ipv4 ip{}; inet_pton(AF_INET, name.c_str(), ip.data()) == 1) return is_private(ip);
  if (Ipv6 ip{}; inet_pton(AF_INET6, name.c_str(), ip.data()) == 1) return is_private(ip);
  if (name.empty() || name.front() < 'a' || name.front() > 'z') return false;  // old forms of addresses are no names
  if (name.find_first_of(".:") == std::string::npos) return true;
  return std::ranges::any_of(std::array{".local", ".localhost", ".internal", ".home.arpa"},
                             [&](const char* suffix) { return name.ends_with(suffix); });
}

namespace {

// As libraries read the authority of a link: "user@[::1]:80" -> "::1".
std::string host_of_authority(std::string_view authority) {
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::string host;
  for (std::size_t i = 0; i < authority.size(); ++i) {
    const bool escaped = authority[i] == '%' && i + 2 < authority.size() && hex_digit(authority[i + 1]) >= 0 &&
                         hex_digit(authority[i + 2]) >= 0;
    host += ascii_lower(escaped ? static_cast<char>(hex_digit(authority[i + 1]) * 16 + hex_digit(authority[i + 2]))
                                : authority[i]);
    if (escaped) i += 2;
  }
  if (host.starts_with('[')) return host.substr(1, host.find_first_of("]%") - 1);  // without a zone
  host.resize(std::min(host.find(':'), host.size()));
  while (host.ends_with('.')) host.pop_back();
  return host;
}

// Beside what is_private() says: what no public server has, and where clouds answer those within.
bool is_within(const Ipv4& ip) {
  if (ip[0] == 0 || is_private(ip)) return true;
  if (ip[0] == 100 && ip[1] / 64 == 1) return true;           // RFC 6598, the metadata of one cloud among it
  if (ip[0] == 192 && ip[1] == 0 && ip[2] == 0) return true;  // RFC 6890, the metadata of another
  return ip == Ipv4{168, 63, 129, 16};                        // Azure's services for its machines
}

bool leads_inside(const std::string& host) {
  if (std::ranges::any_of(host, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) return true;
  if (is_private_host(host)) return true;
  Ipv6 wide{};
  if (inet_pton(AF_INET6, host.c_str(), wide.data()) == 1) {
    const Ipv4 last{wide[12], wide[13], wide[14], wide[15]};
    const bool compatible = std::all_of(wide.begin(), wide.begin() + 12, [](std::uint8_t byte) { return byte == 0; });
    const bool mapped = std::all_of(wide.begin(), wide.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) &&
                        wide[10] == 0xff && wide[11] == 0xff;
    constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b};
    if (compatible || mapped || std::equal(nat64.begin(), nat64.end(), wide.begin())) return is_within(last);
    if (wide[0] == 0x20 && wide[1] == 0x02) return is_within({wide[2], wide[3], wide[4], wide[5]});  // 6to4
    return wide[0] == 0xfe && (wide[1] & 0xc0) == 0xc0;  // site-local, of old
  }
  in_addr old{};  // one number, hexadecimal, octal, fewer than four parts
  if (inet_aton(host.c_str(), &old) == 0) return host.empty();
  Ipv4 ip{};
  static_assert(sizeof old == sizeof ip);
  std::memcpy(ip.data(), &old, sizeof old);
  return is_within(ip);
}

constexpr std::size_t longest_path = 4'096;  // of a file, as Linux has it (PATH_MAX)

// How the base64 of pictures, sound, films and documents begins.
constexpr std::array<std::string_view, 12> media_beginnings = {"/9j/",             // JPEG
                                                               "iVBORw",           // PNG
                                                               "R0lGOD",           // GIF
                                                               "UklGR",            // WebP, WAV, AVI
                                                               "JVBERi",           // PDF
                                                               "SUQz",             // MP3
                                                               "T2dnUw",           // Ogg
                                                               "ZkxhQw",           // FLAC
                                                               "GkXfo",            // WebM, Matroska
                                                               "SUkqAA",           // TIFF
                                                               "TU0AKg", "AAAA"};  // MP4 and its kin

// Engines take bare base64 and ids for a link, and some of them the path of a file. A path has a slash or a dot; so may
// base64 have slashes, which is told from a path by its length, its padding, or by how it begins. `cut`: there is more.
bool is_bare_data(std::string_view text, bool cut) {
  const bool in_alphabet = std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/' ||
           c == '=' || c == '-' || c == '_';
  });
  if (!in_alphabet) return false;
  return cut || !text.contains('/') || text.ends_with('=') ||
         std::ranges::any_of(media_beginnings, [&](std::string_view begins) { return text.starts_with(begins); });
}

}  // namespace

std::string internal_host_of(std::string_view link) {
  // Libraries pass over spaces in front, and over tabs and line ends anywhere.
  std::string text;
  std::size_t seen = 0;
  for (; seen < link.size() && text.size() < longest_path; ++seen)  // the rest is not looked at: data: may be megabytes
    if (static_cast<unsigned char>(link[seen]) > ' ') text += link[seen];
  const bool cut = seen < link.size();
  if (is_bare_data(text, cut)) return {};
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string scheme = ascii_lowered(text.substr(0, std::min(colon, text.find_first_of("/\\?#"))));
  if (scheme == "data") return {};
  constexpr std::size_t longest_scheme = 16;
  if (scheme != "http" && scheme != "https")
    return scheme.size() == colon && colon < text.size() && colon <= longest_scheme ? scheme + ":" : "file:";
  const std::size_t begin = std::min(text.find_first_not_of('/', colon + 1), text.size());
  const std::size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  const std::string_view authority = std::string_view(text).substr(begin, end - begin);
  // Some take a backslash for a slash, others for a letter of the user's name. What the host is may stand beyond the
  // end.
  if (authority.contains('\\') || (end == text.size() && cut)) return "(ambiguous)";
  std::string host = host_of_authority(authority);
  if (!leads_inside(host)) return {};
  return host.empty() ? "(none)" : host;
}

}  // namespace sluice
