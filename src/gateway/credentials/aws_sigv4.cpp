#include "gateway/credentials/aws_sigv4.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/crypto.h"
#include "base/percent.h"
#include "base/query.h"

namespace sluice::gateway {
namespace {

std::string_view bytes_of(const crypto::Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// "20150830T123600Z"
std::string timestamp(std::chrono::sys_seconds now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  char text[32];
  std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

// Without blanks around it, and runs of them inside as one.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) out.push_back(c);
    if (blank && !out.empty() && out.back() != ' ') out.push_back(' ');
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::string> parts;
  while (const auto one = take_parameter(query))
    if (!one->text.empty()) parts.push_back(std::string(one->name).append("=").append(one->value));
  std::ranges::sort(parts);
  std::string out;
  for (const std::string& part : parts) out.append(out.empty() ? "" : "&").append(part);
  return out;
}

struct Signed {
  std::string fields;  // name:value lines
  std::string names;   // a;b;c
};

Signed signed_fields(const http::Headers& headers, std::string_view host) {
  std::vector<std::pair<std::string, std::string>> fields = {{"host", trimmed(host)}};
  for (const http::Field& field : headers) {
    std::string name = ascii_lowered(field.name);
    if (name == "content-type" || name.starts_with("x-amz-"))
      fields.emplace_back(std::move(name), trimmed(field.value));
  }
  std::ranges::sort(fields);
  Signed out;
  for (const auto& [name, value] : fields) {
    out.fields.append(name).append(":").append(value).append("\n");
    out.names.append(out.names.empty() ? "" : ";").append(name);
  }
  return out;
}

}  // namespace

void sign_aws(http::Headers& headers, const AwsCall& call, const catalog::AwsKey& key, std::string_view service,
              std::chrono::sys_seconds now) {
  const std::string time = timestamp(now);
  const std::string day = time.substr(0, 8);
  headers.set("x-amz-date", time);
  if (!key.session_token.empty()) headers.set("x-amz-security-token", key.session_token.reveal());

  const std::size_t mark = call.target.find('?');
  const Signed fields = signed_fields(headers, call.host);
  // All services but S3 take the path encoded once more than it is sent.
  const std::string canonical =
      std::string(call.method) + "\n" + percent_encoded(call.target.substr(0, mark), "/") + "\n" +
      canonical_query(mark == std::string_view::npos ? std::string_view() : call.target.substr(mark + 1)) + "\n" +
      fields.fields + "\n" + fields.names + "\n" + crypto::hex(crypto::sha256(call.body));

  const std::string scope = day + "/" + key.region + "/" + std::string(service) + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + crypto::hex(crypto::sha256(canonical));
  crypto::Sha256 signing = crypto::hmac_sha256("AWS4" + key.secret_access_key.reveal(), day);
  for (const std::string_view step : {std::string_view(key.region), service, std::string_view("aws4_request")})
    signing = crypto::hmac_sha256(bytes_of(signing), step);
  headers.set("authorization", "AWS4-HMAC-SHA256 Credential=" + key.access_key_id + "/" + scope +
                                   ", SignedHeaders=" + fields.names +
                                   ", Signature=" + crypto::hex(crypto::hmac_sha256(bytes_of(signing), to_sign)));
}

}  // namespace sluice::gateway
