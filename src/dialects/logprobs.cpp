#include "dialects/logprobs.h"

namespace sluice::dialects {
namespace {

void write_members(json::Writer& writer, json::Value entry) {
  const std::string_view token = entry["token"].string().value_or("");
  if (!entry["bytes"].is_array()) return write_logprob(writer, token, entry["logprob"].number().value_or(0));
  writer.member("token", token).key("logprob").number(entry["logprob"].number().value_or(0));
  writer.key("bytes").raw(entry["bytes"].text());
}

}  // namespace

void write_logprob(json::Writer& writer, std::string_view token, double logprob) {
  writer.member("token", token).key("logprob").number(logprob).key("bytes").begin_array();
  for (const char byte : token) writer.integer(static_cast<unsigned char>(byte));
  writer.end_array();
}

std::string read_logprobs(json::Value array) {
  std::string out;
  if (array.size() == 0 || !array.is_array()) return out;
  json::Writer writer(out);
  writer.begin_array();
  for (const json::Value& entry : array.elements()) {
    writer.begin_object();
    write_members(writer, entry);
    writer.key("top_logprobs").begin_array();
    for (const json::Value& other : entry["top_logprobs"].elements()) {
      writer.begin_object();
      write_members(writer, other);
      writer.end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array();
  return out;
}

void append_logprobs(std::string& all, std::string_view more) {
  if (more.empty()) return;
  if (all.empty()) {
    all = more;
    return;
  }
  all.back() = ',';
  all.append(more.substr(1));
}

std::string_view logprobs_array(std::string_view logprobs) {
  return logprobs.empty() ? std::string_view("[]") : logprobs;
}

}  // namespace sluice::dialects
