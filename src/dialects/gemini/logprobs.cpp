// logprobsResult: the chosen tokens, and for each place the likeliest ones. Source: Google's API reference,
// LogprobsResult.
#include "dialects/logprobs.h"
#include "dialects/gemini/parts.h"

namespace sluice::dialects::gemini {
namespace {

void write_candidate(json::Writer& writer, json::Value entry) {
  writer.begin_object().member("token", entry["token"].string().value_or(""));
  writer.key("logProbability").number(entry["logprob"].number().value_or(0)).end_object();
}

}  // namespace

std::string read_logprobs_result(json::Value result) {
  std::string out;
  const json::Value chosen = result["chosenCandidates"];
  if (chosen.size() == 0) return out;
  const std::vector<json::Value> top = result["topCandidates"].elements();
  json::Writer writer(out);
  writer.begin_array();
  std::size_t place = 0;
  for (const json::Value& entry : chosen.elements()) {
    writer.begin_object();
    write_logprob(writer, entry["token"].string().value_or(""), entry["logProbability"].number().value_or(0));
    writer.key("top_logprobs").begin_array();
    const json::Value likeliest = place < top.size() ? top[place]["candidates"] : json::Value();
    for (const json::Value& other : likeliest.elements()) {
      writer.begin_object();
      write_logprob(writer, other["token"].string().value_or(""), other["logProbability"].number().value_or(0));
      writer.end_object();
    }
    writer.end_array().end_object();
    ++place;
  }
  writer.end_array();
  return out;
}

void write_logprobs_result(json::Writer& writer, std::string_view logprobs) {
  const auto parsed = json::Document::parse(logprobs);
  if (!parsed || parsed->root().size() == 0) return;
  writer.key("logprobsResult").begin_object().key("topCandidates").begin_array();
  for (const json::Value& entry : parsed->root().elements()) {
    writer.begin_object().key("candidates").begin_array();
    for (const json::Value& other : entry["top_logprobs"].elements()) write_candidate(writer, other);
    writer.end_array().end_object();
  }
  writer.end_array().key("chosenCandidates").begin_array();
  for (const json::Value& entry : parsed->root().elements()) write_candidate(writer, entry);
  writer.end_array().end_object();
}

}  // namespace sluice::dialects::gemini
