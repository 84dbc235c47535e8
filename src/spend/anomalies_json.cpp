#include "spend/anomalies_json.h"

#include <cstdio>

#include "store/usage_report.h"

namespace sluice::spend {
namespace {

void write_members(json::Writer& out, const Anomaly& anomaly) {
  out.member("kind", name(anomaly.kind)).member("hour", hour_text(anomaly.hour)).member("team", anomaly.series.team);
  out.member("provider", anomaly.series.provider).member("model", anomaly.series.model);
  out.member("cost_usd", store::usd(anomaly.cost)).member("usual_usd", store::usd(anomaly.usual));
  out.key("z");
  if (anomaly.kind == AnomalyKind::cost) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", anomaly.z);
    out.raw(text);
  } else {
    out.null();
  }
  out.member("reason", anomaly.reason).key("explained");
  if (const auto& told = anomaly.explained) {
    out.begin_object().member("against", hour_text(anomaly.compared_with));
    out.member("before_usd", store::usd(told->before)).member("after_usd", store::usd(told->after));
    out.member("volume_usd", store::usd(told->volume)).member("mix_usd", store::usd(told->mix));
    out.member("cache_usd", store::usd(told->cache)).member("tier_usd", store::usd(told->tier));
    out.member("price_usd", store::usd(told->price)).end_object();
  } else {
    out.null();
  }
}

}  // namespace

void write(json::Writer& out, const Anomaly& anomaly) {
  out.begin_object();
  write_members(out, anomaly);
  out.end_object();
}

std::string message(const Anomaly& anomaly) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("event", "spend_anomaly").member("text", sentence(anomaly));
  write_members(out, anomaly);
  out.end_object();
  return text;
}

}  // namespace sluice::spend
