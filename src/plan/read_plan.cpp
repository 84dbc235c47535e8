#include "plan/read_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "plan/calibration.h"
#include "plan/quantity.h"
#include "plan/section.h"

namespace sluice::plan {
namespace {

using catalog::Ground;
using yaml::Node;
using yaml::Report;

// Sizes of a request when a plan gives only a mix: the mean of the Azure conversation trace of 2023, 1,155 in and 211
// out.
constexpr double usual_request_tokens = 1366;

std::string named(std::string_view kind, const Node& node) {
  const yaml::Member* name = node.find("name");
  return name && name->value.is_scalar() ? fmt::format("the {} `{}`", kind, name->value.text)
                                         : fmt::format("a {} without a name", kind);
}

// Whatever has a name has it alone.
template <class T>
void refuse_twins(const std::vector<T>& all, std::string_view kind, const Report& report) {
  std::set<std::string, std::less<>> seen;
  for (const T& one : all)
    if (!one.name.empty() && !seen.insert(one.name).second)
      report.diagnostics.add({.source = report.source,
                              .place = one.place,
                              .message = fmt::format("there are two {}s called `{}`", kind, one.name),
                              .help = "names tell them apart in the report: change one"});
}

template <class T>
std::vector<std::string> names_of(const std::vector<T>& all) {
  std::vector<std::string> names;
  for (const T& one : all) names.push_back(one.name);
  return names;
}

void refuse_unknown(std::string_view what, const std::string& name, const std::vector<std::string>& known,
                    const Node& where, const Report& report) {
  if (name.empty() || std::ranges::find(known, name) != known.end()) return;
  const std::string near = yaml::nearest(name, known);
  report.error(where, fmt::format("there is no {} `{}`", what, name),
               !near.empty()   ? fmt::format("did you mean `{}`?", near)
               : known.empty() ? fmt::format("add it under {}s", what)
                               : fmt::format("there are: {}", [&] {
                                   std::string all;
                                   for (const auto& one : known) all += (all.empty() ? "" : ", ") + one;
                                   return all;
                                 }()));
}

void read_assumptions(Section& plan, Plan& into) {
  const yaml::Member* member = plan.member("assumptions");
  if (!member || member->value.is_null()) return;
  if (!member->value.is_map()) {
    plan.report().error(member->value, "`assumptions` must be a map", "write `staff.self_host_usd_per_month: 33000`");
    return;
  }
  std::vector<std::string> known;
  for (const Assumption& one : into.assumptions.all()) known.push_back(one.id);
  for (const yaml::Member& entry : member->value.members) {
    Assumption* assumption = into.assumptions.find(entry.key);
    if (!assumption) {
      std::string near = yaml::nearest(entry.key, known);
      if (near.empty())  // cut short, or without its unit
        for (const std::string& id : known)
          if (near.empty() && id.starts_with(entry.key)) near = id;
      plan.report().error_at_key(
          entry, fmt::format("there is no assumption `{}`", entry.key),
          near.empty() ? "`sluice plan assumptions` lists them all" : fmt::format("did you mean `{}`?", near));
      continue;
    }
    const auto number = [&](const Node& node) -> std::optional<double> {
      const auto parsed = node.is_scalar() ? parse_quantity(node.text) : std::nullopt;
      const bool share = assumption->unit.starts_with("share");
      std::string help = fmt::format("it is {}, in {}", assumption->meaning, assumption->unit);
      if (!parsed || (parsed->value < 0 && assumption->low >= 0) || (share && std::abs(parsed->value) > 1)) {
        if (parsed && share && parsed->value > 1 && parsed->value <= 100)
          help = fmt::format("it looks like a percentage: then write {}", short_number(parsed->value / 100));
        else if (parsed && parsed->value < 0)
          help = fmt::format("a cost, a count or a share is never negative; {}, and {} unless said", help,
                             short_number(assumption->value));
        plan.report().error(node, fmt::format("`{}` cannot be {}", entry.key, describe(node)), help);
        return std::nullopt;
      }
      if ((assumption->least && parsed->value < *assumption->least) ||
          (assumption->most && parsed->value > *assumption->most)) {
        const double least = assumption->least.value_or(-INFINITY);
        const double most = assumption->most.value_or(INFINITY);
        constexpr std::array ms_mix_ups = {MixUp{1000, "seconds"}, MixUp{1e-3, "microseconds"}};
        const std::string meant =
            assumption->unit == "ms" ? likely_meant(parsed->value, least, most, ms_mix_ups) : std::string();
        plan.report().error(node,
                            fmt::format("`{}` must lie between {} and {}, not {}", entry.key, short_number(least),
                                        short_number(most), node.text),
                            meant.empty() ? help : meant);
        return std::nullopt;
      }
      if (parsed->value == 0 && (entry.key == "hardware.life_months" || entry.key == "load.max_utilisation")) {
        plan.report().error(node, fmt::format("`{}` cannot be zero", entry.key),
                            fmt::format("what is never used has no cost per token; {}, and {} unless said", help,
                                        short_number(assumption->value)));
        return std::nullopt;
      }
      if (assumption->unit.starts_with("USD/") && assumption->value >= 10'000 && parsed->value > 0 &&
          parsed->value < 1000) {
        plan.report().error(
            node, fmt::format("`{}` is {} {}", entry.key, short_number(parsed->value), assumption->unit),
            fmt::format("it looks like thousands of USD: then write {}", short_number(parsed->value * 1000)));
        return std::nullopt;
      }
      if (assumption->unit == "months" && parsed->value < 12) {
        plan.report().error(node, fmt::format("`{}` is {} months", entry.key, short_number(parsed->value)),
                            fmt::format("it looks like years: then write {}", short_number(parsed->value * 12)));
        return std::nullopt;
      }
      return parsed->value;
    };
    assumption->changed = true;
    if (entry.value.is_map()) {
      Section one(entry.value, "assumption", fmt::format("the assumption `{}`", entry.key), plan.report());
      for (const auto& [name, slot] : {std::pair{"value", &assumption->value}, std::pair{"low", &assumption->low},
                                       std::pair{"high", &assumption->high}})
        if (const yaml::Member* part = one.member(name))
          if (const auto value = number(part->value)) *slot = *value;
      if (const std::string source = one.text("source"); !source.empty()) assumption->source = source;
      one.refuse_others();
      if (assumption->low > assumption->value || assumption->value > assumption->high) {
        if (one.member("low") || one.member("high"))
          plan.report().error(
              entry.value, fmt::format("`{}` must have low <= value <= high", entry.key),
              fmt::format("low {}, value {}, high {}", assumption->low, assumption->value, assumption->high));
        assumption->low = std::min(assumption->low, assumption->value);
        assumption->high = std::max(assumption->high, assumption->value);
      }
    } else if (const auto value = number(entry.value)) {
      assumption->value = *value;
      assumption->source = "this plan";
      assumption->low = std::min(assumption->low, *value);
      assumption->high = std::max(assumption->high, *value);
    }
  }
}

Workload read_workload(const Node& node, const Assumptions& assumptions, const Report& report) {
  Section in(node, "workload", named("workload", node), report);
  Workload out;
  out.place = node.place;
  out.name = in.text("name");
  const auto mix = in.mix("mix");
  const auto input = in.number("input_tokens");
  const auto output = in.number("output_tokens");
  if (mix && (input || output))
    report.error(in.place("mix"), fmt::format("{} has a mix and tokens per request", in.what()), "remove one of them");
  if (input.has_value() != output.has_value())
    report.error(in.place(input ? "input_tokens" : "output_tokens"),
                 fmt::format("{} needs both input_tokens and output_tokens", in.what()),
                 "input and output cost differently: the mix decides");
  const double ratio = mix.value_or(0);
  if (!mix && !input)
    report.error(node, fmt::format("{} has no mix of input and output", in.what()),
                 "add input_tokens and output_tokens per request, or `mix: 3:1`");
  out.input_tokens = input.value_or(usual_request_tokens * ratio / (ratio + 1));
  out.output_tokens = output.value_or(usual_request_tokens / (ratio + 1));
  const auto requests = in.number("requests_per_month");
  const auto tokens = in.number("tokens_per_month");
  if (requests.has_value() == tokens.has_value() && !node.is_null())
    report.error(node, fmt::format("{} needs either requests_per_month or tokens_per_month", in.what()),
                 requests ? "remove one of them" : "add for example `tokens_per_month: 10B`");
  const double per_request = out.input_tokens + out.output_tokens;
  out.requests_per_month = requests.value_or(per_request > 0 ? tokens.value_or(0) / per_request : 0);
  out.cached = in.number("cached", 0);
  out.growth_per_month = in.number("growth_per_month", 0);
  out.quality_floor = in.map("quality");
  out.data_class = data_class_from_name(in.text("data_class", "internal")).value_or(DataClass::internal);
  out.residency = in.texts("residency");
  out.ttft_p95_ms = in.number("ttft_p95_ms", 0);
  out.tpot_ms = in.number("tpot_ms", 0);
  out.context_tokens = in.number("context", 0);
  out.needs = in.texts("needs");
  out.only = in.texts("only");
  out.critical = in.flag("critical", false);
  out.split = in.flag("split", false);
  out.peak = in.number("peak", assumptions["load.peak_factor"]);
  out.arrival_scv = in.number("arrival_scv", assumptions["load.arrival_scv"]);
  out.service_scv = in.number("service_scv", assumptions["load.service_scv"]);
  out.profile = profile_of(in.text("profile", "flat"));
  if (out.critical && !out.split && in.node().find("split"))
    report.error(in.place("split"), fmt::format("{} is critical and must not be split", in.what()),
                 "two vendors need a division: remove `split: false`, or `critical: true`");
  if (out.critical) out.split = true;
  in.refuse_others();
  return out;
}

// Integers as the ledger has them: USD per million tokens is a million picodollars per token.
std::int64_t pico(double usd_per_million) { return std::llround(usd_per_million * 1e6); }

void read_price(const Node& node, const std::string& owner, const Report& report, Option& out) {
  Section in(node, "price", "the price of " + owner, report);
  const std::string per = in.text("per", "1M");
  out.price_source = in.text("source", "this plan");
  if (in.flag("free", false)) {
    out.price.kind = catalog::PriceKind::free;
    report.warning(node, owner + " is free",
                   "no promise of service stands behind it; it is never chosen unless a workload names it in `only`");
    in.refuse_others();
    return;
  }
  // Said in another unit on purpose, so the bounds are for what it comes to.
  const double factor = per == "token" ? 1e6 : per == "1k" ? 1e3 : 1;
  std::map<std::string, double> rates;
  for (const char* name : {"input", "output", "cached"}) {
    const yaml::Member* member = node.find(name);
    if (factor == 1 || !member || !member->value.is_scalar()) {
      if (const auto value = in.number(name)) rates[name] = *value;
      continue;
    }
    in.member(name);
    Node scaled = member->value;
    if (const auto value = parse_quantity(scaled.text)) scaled.text = fmt::format("{}", value->value * factor);
    const Key& declared = key("price", name);
    const auto value = parse_quantity(scaled.text);
    if (value && value->value >= declared.least && value->value <= declared.most)
      rates[name] = value->value;
    else
      report.error(member->value,
                   fmt::format("`{}` comes to {} USD per million tokens", name,
                               value ? short_number(value->value) : "no number of"),
                   fmt::format("with `per: {}` the numbers are for {}; without it for a million tokens", per,
                               per == "token" ? "one token" : "1,000 tokens"));
  }
  out.price.rates[catalog::Unit::input] = pico(rates["input"]);
  out.price.rates[catalog::Unit::output] = pico(rates["output"]);
  out.price.rates[catalog::Unit::cache_read] = pico(rates.contains("cached") ? rates["cached"] : rates["input"]);
  if (rates.contains("cached") && rates.contains("input") && rates["cached"] > rates["input"])
    report.error(in.place("cached"), "tokens from the cache are dearer than fresh ones",
                 "one catalogue has the price of storage there; the two numbers may be swapped");
  if (rates.contains("input") && rates.contains("output") && rates["output"] < rates["input"] / 10)
    report.warning(in.place("output"), "output costs less than a tenth of input", "the two numbers may be swapped");
  in.refuse_others();
}

void read_catalogue_price(const std::string& api, const catalog::Catalog& catalog, catalog::Date when,
                          const Node& where, const Report& report, Option& out) {
  const std::size_t slash = api.find('/');
  const std::string provider = api.substr(0, slash);
  const std::string model = slash == std::string::npos ? "" : api.substr(slash + 1);
  std::vector<std::string> models;
  const catalog::PriceFact* best = nullptr;
  bool known = false;
  for (const catalog::PriceFact& fact : catalog.prices) {
    if (fact.provider.str() != provider) continue;
    known = true;
    models.push_back(provider + "/" + fact.model.str());
    // A plan is priced at the standard tier, for all hours and regions.
    if (fact.model.str() != model || fact.service_tier != catalog::ServiceTier::standard || !fact.region.empty() ||
        fact.window)
      continue;
    const bool holds = fact.effective_from <= when && (!fact.effective_to || when < *fact.effective_to);
    if (holds && (!best || std::pair(fact.source_kind, fact.effective_from) >
                               std::pair(best->source_kind, best->effective_from)))
      best = &fact;
  }
  if (!best) {
    if (!known)
      for (const catalog::Provider& one : catalog.providers) models.push_back(one.id.str() + "/" + model);
    const std::string near = yaml::nearest(api, models);
    const bool other_day = std::ranges::find(models, api) != models.end() && known;
    report.error(where, fmt::format("the catalogue has no price of `{}` on {}", api, catalog::date_text(when)),
                 other_day       ? "it has one for other days: change `prices_on`, or give `price:`"
                 : !near.empty() ? fmt::format("did you mean `{}`?", near)
                                 : "`sluice models --all` lists the priced ones; or give `price: { input, output }`");
    return;
  }
  if (best->kind == catalog::PriceKind::self_hosted) {
    report.error(where, fmt::format("`{}` is self-hosted and has no price per token", api), "name a `pool:` instead");
    return;
  }
  out.price = *best;
  out.price_source = fmt::format("catalogue, {} ({})", best->source, best->observed_at);
  out.vendor = provider;
  for (const catalog::Model& one : catalog.models)
    if (one.provider.str() == provider && one.name.str() == model) {
      out.ground = one.ground;
      out.context_tokens = static_cast<double>(one.context);
      if (one.tools) out.supports.emplace_back("tools");
      if (one.images) out.supports.emplace_back("images");
    }
}

std::optional<ModelShape> read_shape(Section& in, const Report& report) {
  if (const yaml::Member* member = in.member("shape")) {
    Section shape(member->value, "shape", "the shape of " + in.what(), report);
    ModelShape out{.name = "own shape",
                   .total = shape.number("total", 0),
                   .active = shape.number("active", 0),
                   .layers = shape.number("layers", 0),
                   .hidden = shape.number("hidden", 0),
                   .kv_elements = shape.number("kv_elements", 0),
                   .experts = shape.number("experts", 0),
                   .experts_per_token = shape.number("experts_per_token", 0),
                   .expert_share = shape.number("expert_share", 0)};
    if (out.active > out.total)
      report.error(shape.place("active"), "more parameters are active than stored", "the two numbers may be swapped");
    shape.refuse_others();
    return out;
  }
  const std::string name = in.text("model");
  if (name.empty()) return std::nullopt;
  std::vector<std::string> known;
  for (const Node& row : data_file("models.yaml").items) {
    known.push_back(data_text(row, "id"));
    if (known.back() != name) continue;
    return ModelShape{.name = name,
                      .total = data_number(row, "total"),
                      .active = data_number(row, "active"),
                      .layers = data_number(row, "layers"),
                      .hidden = data_number(row, "hidden"),
                      .kv_elements = data_number(row, "kv_elements"),
                      .experts = data_number(row, "experts", "0"),
                      .experts_per_token = data_number(row, "experts_per_token", "0"),
                      .expert_share = data_number(row, "expert_share", "0")};
  }
  refuse_unknown("model shape", name, known, in.place("model"), report);
  return std::nullopt;
}

void read_terms(Section& in, const Node& node, const Report& report, Option& out) {
  for (const Node* one : in.list("volume_discounts")) {
    Section discount(*one, "volume_discount", "a volume discount of " + in.what(), report);
    out.discounts.push_back({discount.number("above_usd", 0), discount.number("share", 0)});
    discount.refuse_others();
    if (out.discounts.size() > 1) {
      const VolumeDiscount& before = out.discounts[out.discounts.size() - 2];
      if (out.discounts.back().above_usd <= before.above_usd || out.discounts.back().share <= before.share)
        report.error(*one, "volume discounts must rise, in their amounts and in their shares",
                     "put the smallest first; a discount that falls with the volume is none");
    }
  }
  if (const yaml::Member* member = in.member("commitment")) {
    Section commitment(member->value, "commitment", "the commitment of " + in.what(), report);
    out.commitment = Commitment{.usd_per_month = commitment.number("usd_per_month", 0),
                                .discount = commitment.number("discount", 0),
                                .is_signed = commitment.flag("signed", false)};
    commitment.refuse_others();
    if (!out.commitment->is_signed && out.commitment->discount <= 0)
      report.error(member->value, "a commitment without a discount is never worth signing",
                   "add `discount: 15 %`, or `signed: true` when it is paid already");
  }
  if (out.has_terms() && out.self_hosted())
    report.error(node, fmt::format("{} has a pool, and terms of a vendor", in.what()),
                 "discounts and commitments are of APIs; a rented node has its rent_usd_per_hour");
}

// What an engine of one's own was measured to do: said here, or in a file that stands beside the plan.
void read_measured(Section& in, const ReadFile& read_file, const Report& report, Option& out) {
  const yaml::Member* section = in.member("calibration");
  const std::string file = in.text("calibration_file");
  if (!section && file.empty()) return;
  const Node& place = section ? section->value : in.place("calibration_file");
  if (section && !file.empty())
    report.error(place, fmt::format("{} has a calibration and a calibration_file", in.what()), "remove one of them");
  else if (section)
    out.calibration = read_calibration(section->value, "the calibration of " + in.what(), report);
  else if (auto text = read_file ? read_file(file) : std::nullopt)
    out.calibration = read_calibration(file, *std::move(text), report.diagnostics);
  else
    report.error(place, fmt::format("the calibration {} cannot be read", file),
                 "`sluice plan calibrate` writes one; the path is from the plan's folder");
  if (!out.self_hosted())
    report.error(place, fmt::format("{} has no pool, and a calibration", in.what()),
                 "what was measured is an engine of one's own: add `pool:`, or remove it");
  else if (out.measured_output_tokens_per_s > 0)
    report.error(place, fmt::format("{} has a calibration and output_tokens_per_s", in.what()),
                 "both say what a node serves: remove one of them");
}

Option read_option(const Node& node, const catalog::Catalog& catalog, catalog::Date when, const ReadFile& read_file,
                   const Report& report) {
  Section in(node, "option", named("option", node), report);
  Option out;
  out.place = node.place;
  out.name = in.text("name");
  out.vendor = out.name;
  out.pool = in.text("pool");
  const std::string api = in.text("api");
  const yaml::Member* price = in.member("price");
  if (out.self_hosted() && (price || !api.empty()))
    report.error(node, fmt::format("{} has a pool and a price per token", in.what()),
                 "hardware of one's own has no price per token: remove one of them");
  if (!out.self_hosted() && !price && api.empty() && node.is_map())
    report.error(
        node, fmt::format("{} has no price and no pool", in.what()),
        "add `api: provider/model` for the catalogue's price, `price: { input, output }`, or `pool:`; a missing "
        "price is never zero");
  if (!api.empty()) read_catalogue_price(api, catalog, when, in.place("api"), report, out);
  if (price) read_price(price->value, in.what(), report, out);
  if (const std::string ground = in.text("ground"); !ground.empty()) out.ground = *catalog::ground_from_name(ground);
  out.model = read_shape(in, report);
  if (out.self_hosted()) {
    out.ground = Ground::self_hosted;
    out.vendor = "own";
    if (!out.model && node.is_map() && !node.find("model"))
      report.error(node, fmt::format("{} has no model", in.what()), "add `model: llama-3.1-70b`, or `shape:`");
  }
  out.vendor = in.text("vendor", out.vendor);
  const auto bytes = [](const std::string& word) { return word == "bf16" ? 2.0 : word == "fp4" ? 0.5 : 1.0; };
  out.bytes_per_weight = bytes(in.text("weights", "fp8"));
  out.bytes_per_kv = bytes(in.text("kv_cache", "fp8"));
  out.measured_output_tokens_per_s = in.number("output_tokens_per_s", 0);
  out.measured_mix = in.mix("measured_mix").value_or(1);
  read_measured(in, read_file, report, out);
  out.quality = in.map("quality");
  out.regions = in.texts("regions");
  if (const std::string word = in.text("data_class"); !word.empty()) out.data_class = data_class_from_name(word);
  if (out.data_class == DataClass::restricted && !out.self_hosted())
    report.error(in.place("data_class"),
                 fmt::format("{} is no engine of one's own and cannot take restricted data", in.what()),
                 "restricted data never leaves self-hosted ground: write internal, or declare the workload's data so");
  out.ttft_p95_ms = in.number("ttft_p95_ms", 0);
  out.tpot_ms = in.number("tpot_ms", 0);
  if (const auto context = in.number("context")) out.context_tokens = *context;
  for (std::string& one : in.texts("supports")) out.supports.push_back(std::move(one));
  out.switching_usd = in.number("switching_usd", 0);
  read_terms(in, node, report, out);
  in.refuse_others();
  return out;
}

Gpu read_hardware(const Node& node, const std::string& what, const Report& report) {
  Section in(node, "hardware", what, report);
  Gpu out{.name = in.text("name"),
          .bandwidth = in.number("bandwidth", 0),
          .bf16 = in.number("bf16_flops", 0),
          .watts = in.number("watts", 0),
          .memory_bytes = in.number("memory_gib", 0) * 1024 * 1024 * 1024};
  // A narrower format that the hardware has no arithmetic for is computed in a wider one.
  out.fp8 = in.number("fp8_flops", out.bf16);
  out.fp4 = in.number("fp4_flops", out.fp8);
  in.refuse_others();
  return out;
}

Pool read_pool(const Node& node, const Report& report) {
  Section in(node, "pool", named("pool", node), report);
  Pool out;
  out.place = node.place;
  out.name = in.text("name");
  if (const std::string gpu = in.text("gpu"); !gpu.empty()) {
    std::vector<std::string> known;
    for (const Node& row : data_file("gpus.yaml").items) {
      known.push_back(data_text(row, "id"));
      if (known.back() == gpu)
        out.gpu = Gpu{.name = gpu,
                      .bandwidth = data_number(row, "bandwidth"),
                      .bf16 = data_number(row, "bf16"),
                      .fp8 = data_number(row, "fp8", "0"),
                      .fp4 = data_number(row, "fp4", "0"),
                      .watts = data_number(row, "watts"),
                      .memory_bytes = data_number(row, "memory_gib") * 1024 * 1024 * 1024};
    }
    refuse_unknown("GPU", gpu, known, in.place("gpu"), report);
    if (const yaml::Member* twice = in.member("hardware"))
      report.error(twice->value, fmt::format("{} has a GPU and hardware by numbers", in.what()), "remove one of them");
  } else if (const yaml::Member* numbers = in.member("hardware")) {
    out.gpu = read_hardware(numbers->value, "the hardware of " + in.what(), report);
  } else if (node.is_map()) {
    report.error(node, fmt::format("{} has no GPU", in.what()), "add `gpu: H100`, or `hardware:` with its numbers");
  }
  out.gpus = in.number("gpus", 8);
  out.price_usd = in.number("price_usd", 0);
  out.rent_usd_per_hour = in.number("rent_usd_per_hour", 0);
  if ((out.price_usd > 0) == (out.rent_usd_per_hour > 0) && node.is_map() &&
      (out.price_usd > 0 || (!node.find("price_usd") && !node.find("rent_usd_per_hour"))))
    report.error(node, fmt::format("{} must be either bought or rented", in.what()),
                 out.price_usd > 0 ? "remove price_usd or rent_usd_per_hour" : "add price_usd or rent_usd_per_hour");
  out.opex_usd_per_hour = in.number("opex_usd_per_hour");
  out.power_kw = in.number("power_kw", 0);
  if (out.opex_usd_per_hour && node.find("power_kw"))
    report.warning(in.place("power_kw"), "opex_usd_per_hour already counts power", "power_kw is not added again");
  if (out.gpu && out.power_kw > 0 && out.power_kw * 1000 < 0.5 * out.gpu->watts * out.gpus)
    report.warning(in.place("power_kw"),
                   fmt::format("{} kW is less than half of what {} {} draw", short_number(out.power_kw),
                               short_number(out.gpus), out.gpu->name),
                   fmt::format("their rated power is {} kW", short_number(out.gpu->watts * out.gpus / 1000)));
  out.racks = in.number("racks", 1);
  out.spare = in.number("spare", 0);
  out.most_nodes = in.number("most_nodes", 16);
  out.regions = in.texts("regions");
  if (out.spare >= out.most_nodes)
    report.error(in.place("spare"),
                 fmt::format("{} keeps {} nodes spare and can have {}", in.what(), short_number(out.spare),
                             short_number(out.most_nodes)),
                 "then none is left for work: raise most_nodes or lower spare");
  in.refuse_others();
  return out;
}

Limits read_limits(const Node& node, const Report& report) {
  Section in(node, "limits", "the limits", report);
  Limits out{.capex_usd = in.number("capex_usd"),
             .monthly_usd = in.number("monthly_usd"),
             .vendor_share = in.number("vendor_share"),
             .staff_usd_per_month = in.number("staff_usd_per_month"),
             .self_hosting = in.flag("self_hosting", true)};
  in.refuse_others();
  return out;
}

BreakEvenStudy read_break_even(const Node& node, const Plan& plan, const Report& report) {
  Section in(node, "break_even", named("break-even", node), report);
  BreakEvenStudy out;
  out.name = in.text("name");
  out.self_hosted = in.text("self_hosted");
  out.against = in.texts("against");
  out.mixes = in.numbers("mixes");
  out.cached = in.number("cached", 0);
  out.volumes = in.numbers("volumes");
  out.utilisation = in.number("utilisation", 1);
  out.staff = in.flag("staff", true);
  std::vector<std::string> own;
  std::vector<std::string> priced;
  for (const Option& option : plan.options) (option.self_hosted() ? own : priced).push_back(option.name);
  refuse_unknown("self-hosted option", out.self_hosted, own, in.place("self_hosted"), report);
  for (const std::string& one : out.against)
    refuse_unknown("option with a price", one, priced, in.place("against"), report);
  if (out.against.empty()) out.against = priced;
  in.refuse_others();
  return out;
}

RentOrBuyStudy read_rent_or_buy(const Node& node, const Plan& plan, const Report& report) {
  Section in(node, "rent_or_buy", named("rent-or-buy", node), report);
  RentOrBuyStudy out;
  out.name = in.text("name");
  out.pool = in.text("pool");
  refuse_unknown("pool", out.pool, names_of(plan.pools), in.place("pool"), report);
  if (const Pool* pool = plan.pool(out.pool); pool && pool->price_usd == 0)
    report.error(in.place("pool"), fmt::format("the pool `{}` is rented", out.pool), "name one that is bought");
  for (const auto& [name, usd] : in.map("rents")) out.rents.emplace_back(name, usd);
  out.utilisations = in.numbers("utilisations");
  if (out.utilisations.empty()) out.utilisations = {1};
  out.output_tokens_per_s = in.number("output_tokens_per_s", 0);
  out.api_output_usd_per_million = in.number("api_output_usd");
  out.api_name = in.text("api_name");
  out.notes = in.texts("notes");
  in.refuse_others();
  return out;
}

void check_names(const Plan& plan, const Report& report) {
  refuse_twins(plan.workloads, "workload", report);
  refuse_twins(plan.options, "option", report);
  refuse_twins(plan.pools, "pool", report);
  const std::vector<std::string> pools = names_of(plan.pools);
  const std::vector<std::string> options = names_of(plan.options);
  for (const Option& option : plan.options)
    refuse_unknown("pool", option.pool, pools, Node{.place = option.place}, report);
  for (const Workload& workload : plan.workloads)
    for (const std::string& one : workload.only)
      refuse_unknown("option", one, options, Node{.place = workload.place}, report);
  if (!plan.workloads.empty() && plan.options.empty())
    report.diagnostics.add({.source = report.source,
                            .message = "there are workloads and no options",
                            .help = "add `options:` with an API or an engine on a pool"});
}

}  // namespace

const Pool* Plan::pool(std::string_view wanted) const {
  const auto at = std::ranges::find(pools, wanted, &Pool::name);
  return at == pools.end() ? nullptr : &*at;
}
const Option* Plan::option(std::string_view wanted) const {
  const auto at = std::ranges::find(options, wanted, &Option::name);
  return at == options.end() ? nullptr : &*at;
}

Profile profile_of(std::string_view word) {
  Profile profile;
  for (std::size_t hour = 0; hour < 24; ++hour) {
    const bool office = hour >= 8 && hour < 18;
    const bool evening = hour >= 17 && hour < 23;
    const bool night = hour < 6;
    profile[hour] = word == "office"    ? (office ? 2.1 : 0.2)
                    : word == "evening" ? (evening ? 2.5 : 0.5)
                    : word == "night"   ? (night ? 3.7 : 0.1)
                                        : 1.0;
  }
  const double sum = std::accumulate(profile.begin(), profile.end(), 0.0);
  for (double& share : profile) share *= 24 / sum;
  return profile;
}

std::optional<Plan> read_plan(std::string name, std::string text, const catalog::Catalog& catalog, catalog::Date today,
                              yaml::Diagnostics& diagnostics, const ReadFile& read_file) {
  const auto source =
      std::make_shared<const yaml::Source>(yaml::Source{.name = std::move(name), .text = std::move(text)});
  const auto node = yaml::parse(source, diagnostics);
  if (!node) return std::nullopt;
  const Report report{source, diagnostics};
  Section in(*node, "plan", "the plan", report);
  if (node->is_null()) report.error(*node, "the plan is empty", "`sluice plan init` writes one to begin with");
  Plan plan;
  plan.name = in.text("plan");
  plan.prices_on = today;
  if (const std::string day = in.text("prices_on"); !day.empty()) {
    if (const auto date = catalog::parse_date(day))
      plan.prices_on = *date;
    else
      report.error(in.place("prices_on"), fmt::format("`{}` is no date", day), "write YYYY-MM-DD");
  }
  plan.horizon_months = static_cast<int>(in.number("horizon_months", 36));
  plan.lifecycle = in.text("lifecycle", "bottom_up") == "top_down" ? Lifecycle::top_down : Lifecycle::bottom_up;
  plan.seed = static_cast<std::uint64_t>(in.number("seed", 1));
  plan.draws = static_cast<int>(in.number("draws", 10'000));
  read_assumptions(in, plan);
  if (plan.lifecycle == Lifecycle::top_down && plan.assumptions["build.one_off_usd"] <= 0)
    report.error(in.place("lifecycle"), "top_down derives upkeep from the build cost, and there is none",
                 "add `assumptions: { build.one_off_usd: ... }`, or count people with bottom_up");
  for (const Node* one : in.list("pools")) plan.pools.push_back(read_pool(*one, report));
  for (const Node* one : in.list("options"))
    plan.options.push_back(read_option(*one, catalog, plan.prices_on, read_file, report));
  for (const Node* one : in.list("workloads")) plan.workloads.push_back(read_workload(*one, plan.assumptions, report));
  if (const yaml::Member* limits = in.member("limits")) plan.limits = read_limits(limits->value, report);
  for (const Node* one : in.list("break_even")) plan.break_even.push_back(read_break_even(*one, plan, report));
  for (const Node* one : in.list("rent_or_buy")) plan.rent_or_buy.push_back(read_rent_or_buy(*one, plan, report));
  plan.notes = in.texts("notes");
  in.refuse_others();
  check_names(plan, report);
  if (!diagnostics.ok()) return std::nullopt;
  return plan;
}

}  // namespace sluice::plan
