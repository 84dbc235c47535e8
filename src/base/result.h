// Result, Error and the two macros that pass an error on. Every fallible call on the request's way returns a Result;
// exceptions are for start-up and for the walls around libraries.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

// What went wrong, in the terms that every dialect maps once to its own status and error type.
enum class ErrorKind : std::uint8_t {
  invalid_request,       // 400: the request cannot be understood or asks for what cannot be had
  unauthenticated,       // 401: no key, an unknown key, a revoked key
  forbidden,             // 403: the key is good, the policy says no
  not_found,             // 404: no such model, path or resource
  method_not_allowed,    // 405
  request_too_large,     // 413
  unsupported_media,     // 415
  rate_limited,          // 429: too many requests or tokens for this key; retry_after says when
  budget_exceeded,       // 429 (OpenAI), 402 (Anthropic): the money is gone; retrying does not help
  headers_too_large,     // 431
  provider_rejected,     // the provider answered with an error status, kept in provider_status
  provider_unreachable,  // 502: refused, DNS, TLS, reset, or an answer that is not the provider's protocol
  provider_timeout,      // 504: the provider did not answer before the deadline
  unavailable,           // 503: nothing that may serve this request can serve it now
  overloaded,            // 503: Sluice itself is full
  client_gone,           // nobody is left to answer
  internal,              // 500: a fault of Sluice
};

// "invalid_request", ...: for logs and records.
constexpr std::string_view name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_request: return "invalid_request";
    case ErrorKind::unauthenticated: return "unauthenticated";
    case ErrorKind::forbidden: return "forbidden";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::method_not_allowed: return "method_not_allowed";
    case ErrorKind::request_too_large: return "request_too_large";
    case ErrorKind::unsupported_media: return "unsupported_media";
    case ErrorKind::rate_limited: return "rate_limited";
    case ErrorKind::budget_exceeded: return "budget_exceeded";
    case ErrorKind::headers_too_large: return "headers_too_large";
    case ErrorKind::provider_rejected: return "provider_rejected";
    case ErrorKind::provider_unreachable: return "provider_unreachable";
    case ErrorKind::provider_timeout: return "provider_timeout";
    case ErrorKind::unavailable: return "unavailable";
    case ErrorKind::overloaded: return "overloaded";
    case ErrorKind::client_gone: return "client_gone";
    case ErrorKind::internal: return "internal";
  }
  return "unknown";
}

// May the same request be tried again, and where?
enum class Retry : std::uint8_t {
  never,      // the next provider would say the same (400, content filter), or bytes already went to the client
  elsewhere,  // another candidate may answer; the same one will not (401, 403, 404 of the provider)
  anywhere,   // the same candidate may answer after a pause, another one at once (429, 5xx, reset)
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;      // what was wrong, for the caller; no secrets, no internals
  std::string hint = {};    // what the reader can do about it; may be empty
  std::string param = {};   // the request's field, as a path like "messages[0].role"
  std::string code = {};    // a short machine name such as "model_not_found"
  int provider_status = 0;  // HTTP status of the provider; 0 = it gave none
  Retry retry = Retry::never;
  std::optional<std::chrono::milliseconds> retry_after = {};  // what the provider or a limit asked for
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message, std::string hint = {}) {
  return std::unexpected(Error{.kind = kind, .message = std::move(message), .hint = std::move(hint)});
}

}  // namespace sluice

#define SLUICE_CONCAT_(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_(a, b)
#define SLUICE_TRY_(tmp, ret, target, ...)       \
  auto tmp = (__VA_ARGS__);                      \
  if (!tmp) [[unlikely]]                         \
    ret std::unexpected(std::move(tmp).error()); \
  target = *std::move(tmp)
#define SLUICE_CHECK_(tmp, ret, ...)               \
  if (auto tmp = (__VA_ARGS__); !tmp) [[unlikely]] \
  ret std::unexpected(std::move(tmp).error())

// TRY(auto x, call());    in a function:  return the error, or go on with the value
// CO_TRY(auto x, co_await call());   the same in a coroutine
// CHECK_OK(call()); CO_CHECK_OK(co_await call());   for Result<void>
#define TRY(target, ...) SLUICE_TRY_(SLUICE_CONCAT(try_, __LINE__), return, target, __VA_ARGS__)
#define CO_TRY(target, ...) SLUICE_TRY_(SLUICE_CONCAT(try_, __LINE__), co_return, target, __VA_ARGS__)
#define CHECK_OK(...) SLUICE_CHECK_(SLUICE_CONCAT(try_, __LINE__), return, __VA_ARGS__)
#define CO_CHECK_OK(...) SLUICE_CHECK_(SLUICE_CONCAT(try_, __LINE__), co_return, __VA_ARGS__)
