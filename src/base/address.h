// Where a socket listens or connects: TCP over IPv4 or IPv6, or a Unix socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

// Which version of HTTP is spoken with a place.
enum class HttpVersion : std::uint8_t {
  offered,  // HTTP/2 where it is offered, which only TLS can tell, else HTTP/1.1
  http1,
  http2,  // without TLS: with prior knowledge
};

// A place to connect to, by name.
struct Endpoint {
  std::string host;  // DNS name or IP literal (IPv6 without brackets); empty for a Unix socket
  std::uint16_t port = 0;
  std::string unix_path;  // absolute path of a Unix socket, at most 107 bytes
  bool tls = false;
  std::string server_name;  // for SNI and certificate check; host when empty
  HttpVersion http = HttpVersion::offered;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "api.example.com:443", "[::1]:8080", "*:8080" (all addresses), "unix:/run/sluice.sock": for people.
std::string place_text(const Endpoint& endpoint);

// "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses), "unix:/run/sluice.sock". invalid_request when it is none.
Result<Endpoint> parse_listen_address(std::string_view text);

// "https://api.example.com/v1" -> the endpoint and the path prefix without a trailing slash ("/v1", or "").
// http and https only; user info, query and fragment are refused.
struct BaseUrl {
  Endpoint endpoint;
  std::string path_prefix;
  std::string host_header;  // "api.example.com" or "127.0.0.1:9001"
};
Result<BaseUrl> parse_base_url(std::string_view text);

// Where a running sluice is, as it says itself: an http or https URL, or "unix:/run/sluice.sock". Errors as above.
Result<BaseUrl> parse_server_address(std::string_view text);

// Whether a host is, by what it is called alone, on this machine or on a network of one's own: a loopback or
// unspecified address, RFC 1918, link-local, an IPv6 unique local address (RFC 4193), a name below .local, .localhost,
// .internal or .home.arpa, or a name without a dot, which only the own resolver knows. Nobody is asked. False for what
// could be read in two ways, such as 134744072, which some take for an address.
bool is_private_host(std::string_view host);

// The host of a link that leads inside for whoever opens it within one's own network: on this machine or in a network
// of one's own as above, in any way of writing that libraries which open links understand (127.1, 0x7f000001, userinfo,
// percent signs, a dot at the end), or in letters beyond ASCII, which they read in many ways, or "(ambiguous)". "file:"
// for a path, which some engines open, with an ending or without one; the scheme for one that is neither http, https
// nor data. Empty for a link elsewhere, for data: and for bare base64 and ids. Base64 that has slashes and is neither
// padded, nor one of the usual media, nor longer than a path may be, counts as a path. Nobody is asked: a public name
// that leads inside is not known here.
std::string internal_host_of(std::string_view link);

}  // namespace sluice
