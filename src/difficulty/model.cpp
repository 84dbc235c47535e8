#include "difficulty/model.h"

#include <cmath>
#include <span>

#include "json/json.h"

namespace sluice::difficulty {
namespace {

constexpr std::string_view format = "sluice difficulty";

// No regression of features between 0 and 1 has larger ones; a file that does was not written by us.
constexpr double largest_weight = 1e6;

constexpr std::string_view how = "make one with `sluice route train -o FILE`";

// Five digits are more than a few thousand outcomes can tell, and keep the file small.
double rounded(double value) {
  constexpr double step = 1e5;
  return std::round(value * step) / step + 0.0;  // not -0
}

void write_numbers(json::Writer& to, std::string_view name, std::span<const double> values) {
  to.key(name).begin_array();
  for (const double value : values) to.number(rounded(value));
  to.end_array();
}

Result<void> read_numbers(json::Value list, std::string_view name, std::span<double> into) {
  if (!list.is_array() || list.size() != into.size())
    return fail(ErrorKind::invalid_request,
                "the difficulty model must have " + std::to_string(into.size()) + " `" + std::string(name) + "`",
                std::string(how));
  const std::vector<json::Value> values = list.elements();
  for (std::size_t i = 0; i < into.size(); ++i) {
    const std::optional<double> value = values[i].number();
    if (!value || !std::isfinite(*value) || std::abs(*value) > largest_weight)
      return fail(
          ErrorKind::invalid_request,
          "number " + std::to_string(i + 1) + " of the difficulty model's `" + std::string(name) + "` is no weight",
          std::string(how));
    into[i] = *value;
  }
  return {};
}

}  // namespace

double Model::score(const Features& features) const {
  double sum = bias;
  for (std::size_t i = 0; i < numbers; ++i) sum += number[i] * features.number[i] / 255.0;
  for (const std::uint16_t place : features.words) sum += word[place % buckets];
  return 1 / (1 + std::exp(-sum));
}

std::string to_json(const Model& model) {
  std::string out;
  json::Writer w(out);
  w.begin_object().member("format", format).member("version", model_version).member("target", model.target);
  w.member("rows", model.rows).member("held_out", model.held_out).member("failed", model.failed);
  w.key("auc").number(rounded(model.auc));
  w.key("bias").number(rounded(model.bias));
  write_numbers(w, "numbers", model.number);
  write_numbers(w, "words", model.word);
  w.end_object();
  return out;
}

Result<Model> read_model(std::string_view text) {
  if (text.size() > most_model_bytes)
    return fail(ErrorKind::invalid_request,
                "a difficulty model has at most " + std::to_string(most_model_bytes) + " bytes", std::string(how));
  const auto parsed = json::Document::parse(text);
  if (!parsed || parsed->root()["format"].string() != format)
    return fail(ErrorKind::invalid_request, "this is no difficulty model", std::string(how));
  const json::Value root = parsed->root();
  if (root["version"].integer() != model_version)
    return fail(ErrorKind::invalid_request,
                "the difficulty model is not of version " + std::to_string(model_version) + ", which this sluice reads",
                "train it again with this one");
  Model model;
  model.target = std::string(root["target"].string().value_or(""));
  model.rows = root["rows"].integer().value_or(0);
  model.held_out = root["held_out"].integer().value_or(0);
  model.failed = root["failed"].integer().value_or(0);
  model.auc = root["auc"].number().value_or(0);
  const std::optional<double> bias = root["bias"].number();
  if (!bias || !std::isfinite(*bias) || std::abs(*bias) > largest_weight)
    return fail(ErrorKind::invalid_request, "the difficulty model has no `bias`", std::string(how));
  model.bias = *bias;
  CHECK_OK(read_numbers(root["numbers"], "numbers", model.number));
  CHECK_OK(read_numbers(root["words"], "words", model.word));
  return model;
}

}  // namespace sluice::difficulty
