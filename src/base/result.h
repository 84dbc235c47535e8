// Result, Error and the two macros that pass an error on. Every fallible call on the request's way returns a Result;
// exceptions are for start-up and for the walls around libraries.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
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
class Result;

namespace detail {

// Errors are rare and large: kept elsewhere, they cost the frames and the code of what succeeds a pointer.
class KeptError {
 public:
  KeptError(Error error) : error_(std::make_unique<Error>(std::move(error))) {}
  KeptError(const KeptError& other) : error_(std::make_unique<Error>(*other.error_)) {}
  KeptError(KeptError&&) noexcept = default;
  KeptError& operator=(const KeptError& other) {
    error_ = std::make_unique<Error>(*other.error_);
    return *this;
  }
  KeptError& operator=(KeptError&&) noexcept = default;
  ~KeptError() = default;
  Error& operator*() const { return *error_; }

 private:
  std::unique_ptr<Error> error_;  // null once it has been moved from
};

template <class T>
constexpr bool is_result = false;
template <class T>
constexpr bool is_result<Result<T>> = true;
template <class T>
constexpr bool is_unexpected = false;
template <class E>
constexpr bool is_unexpected<std::unexpected<E>> = true;

}  // namespace detail

// A value, or the Error that stands in its place; used as a std::expected<T, Error> is.
template <class T>
class [[nodiscard]] Result {
 public:
  Result()
    requires(std::is_void_v<T> || std::is_default_constructible_v<T>)
  = default;
  template <class U = T>
    requires(!std::is_void_v<T> && !detail::is_result<std::remove_cvref_t<U>> &&
             !detail::is_unexpected<std::remove_cvref_t<U>> && std::is_convertible_v<U, T>)
  Result(U&& value) : kept_(std::in_place, std::forward<U>(value)) {}
  Result(std::unexpected<Error> error) : kept_(std::unexpect, std::move(error).error()) {}

  bool has_value() const { return kept_.has_value(); }
  explicit operator bool() const { return kept_.has_value(); }
  decltype(auto) operator*() & { return *kept_; }
  decltype(auto) operator*() const& { return *kept_; }
  decltype(auto) operator*() && { return *std::move(kept_); }
  auto* operator->() { return kept_.operator->(); }
  auto* operator->() const { return kept_.operator->(); }
  decltype(auto) value() & { return kept_.value(); }
  decltype(auto) value() const& { return kept_.value(); }
  decltype(auto) value() && { return std::move(kept_).value(); }
  template <class U>
  auto value_or(U&& other) const& {
    return kept_.value_or(std::forward<U>(other));
  }
  template <class U>
  auto value_or(U&& other) && {
    return std::move(kept_).value_or(std::forward<U>(other));
  }
  Error& error() & { return *kept_.error(); }
  const Error& error() const& { return *kept_.error(); }
  Error&& error() && { return std::move(*kept_.error()); }

  template <class U>
    requires(!detail::is_result<U> && !detail::is_unexpected<U>)
  friend bool operator==(const Result& result, const U& value) {
    return result.has_value() && *result == value;
  }

 private:
  std::expected<T, detail::KeptError> kept_;
};

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
