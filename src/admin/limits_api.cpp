// Budgets and limits: one kind of thing with different units.
#include <algorithm>
#include <utility>

#include "admin/handlers.h"
#include "admin/visible.h"
#include "base/utc.h"

namespace sluice::admin {
namespace {

using store::LimitLine;
using store::LimitReport;
using store::LimitScope;
using store::LimitUnit;
using store::SubjectKind;

void write(json::Writer& out, const LimitReport& report) {
  const LimitLine& line = report.line;
  const bool money = line.unit == LimitUnit::money;
  out.begin_object().member("id", line.id).member("scope", name(line.scope));
  write_text(out, "subject", line.subject);
  write_text(out, "subject_name", line.subject_name);
  out.member("model", line.model).member("unit", name(line.unit));
  write_text(out, "usd", money ? line.money().usd() : std::string());
  write_number(out, "amount", money ? std::nullopt : std::optional(line.amount));
  write_text(out, "window", money ? line.window.text() : std::string());
  write_text(out, "zone", line.window.zone);
  write_text(out, "spent_usd", money ? report.standing.spent.usd() : std::string());
  write_time(out, "resets_at",
             money && report.standing.resets_at_us > 0 ? std::optional(report.standing.resets_at_us) : std::nullopt);
  write_text(out, "downgrade_to", line.downgrade_to);
  out.member("downgrade_percent", line.downgrade_percent).member("created_at", utc_text(line.created_at_us));
  out.end_object();
}

std::string text_of(const LimitReport& report) {
  std::string text;
  json::Writer out(text);
  write(out, report);
  return text;
}

Result<LimitReport> find(Call& call, const Visible& visible, std::string_view id) {
  if (!id.empty()) {
    TRY(store::Page<LimitReport> found,
        call.store.page_of_limits({.scope = visible.scope(), .id = std::string(id), .of = {}, .subject = {}},
                                  {.after = {}, .count = 1}, call.now_us));
    if (!found.items.empty()) return std::move(found.items.front());
  }
  return fail(ErrorKind::not_found, "there is no limit \"" + std::string(id) + "\"",
              "GET /admin/v1/limits lists those that there are");
}

std::optional<LimitScope> scope_of(std::string_view text) {
  for (const LimitScope scope : store::limit_scopes)
    if (name(scope) == text) return scope;
  return std::nullopt;
}

Result<void> find_subject(Call& call, const Visible& visible, store::NewLimit& limit) {
  const std::string subject = call.body.text("subject");
  LimitLine line{.scope = limit.scope};
  switch (limit.scope) {
    case LimitScope::everybody:
      if (!subject.empty())
        return wrong_field("subject", "a limit for everybody has no `subject`", "leave it out, or choose a `scope`");
      break;
    case LimitScope::tag: line.subject = subject; break;
    case LimitScope::key: {
      TRY(const store::KeyReport key, visible.key(subject, "subject"));
      line.subject = key.key.id.str();
      break;
    }
    default: {
      const SubjectKind kind = limit.scope == LimitScope::org    ? SubjectKind::org
                               : limit.scope == LimitScope::team ? SubjectKind::team
                                                                 : SubjectKind::user;
      TRY(const store::Subject found, visible.subject(kind, subject, "subject"));
      line.subject = found.id;
    }
  }
  TRY(const bool rules, visible.rules(line));
  if (!rules)
    return fail(ErrorKind::forbidden, "this role sets limits for what is within its own scope, not for that itself",
                "ask an administrator of what is above it");
  limit.subject = line.subject;
  return {};
}

Result<void> find_amount(Call& call, store::NewLimit& limit) {
  struct Given {
    const char* field;
    LimitUnit unit;
  };
  int given = 0;
  for (const Given& one : {Given{"usd", LimitUnit::money}, Given{"rpm", LimitUnit::requests},
                           Given{"tpm", LimitUnit::tokens}, Given{"concurrent", LimitUnit::places}}) {
    if (!call.body.has(one.field)) continue;
    limit.unit = one.unit;
    limit.amount = one.unit == LimitUnit::money ? call.body.money("usd").value_or(Money()).pico()
                                                : call.body.integer(one.field).value_or(0);
    ++given;
  }
  if (given != 1)
    return wrong_field("usd", given == 0 ? "how much is the limit?" : "one limit is of one thing",
                       "give one of `usd`, `rpm`, `tpm` and `concurrent`");
  if (limit.unit == LimitUnit::money) {
    auto window =
        store::Window::parse(call.body.has("window") ? call.body.text("window") : "total", call.body.text("zone"));
    if (!window) return wrong_field("window", window.error().message, window.error().hint);
    limit.window = *std::move(window);
  } else if (call.body.has("window") || call.body.has("zone")) {
    return wrong_field("window", "only a budget has a window", "leave `window` and `zone` out");
  }
  return {};
}

}  // namespace

Result<std::string> list_limits(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  const store::LimitFilter filter{.scope = visible.scope(),
                                  .id = {},
                                  .of = scope_of(call.query.text("scope")),
                                  .subject = call.query.text("subject")};
  TRY(const store::PageRange range, page_range(call.query));
  TRY(const store::Page<LimitReport> page, call.store.page_of_limits(filter, range, call.now_us));
  return write_page(page, write);
}

Result<std::string> set_limit(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  store::NewLimit limit;
  limit.scope = scope_of(call.body.text("scope")).value_or(LimitScope::everybody);
  CHECK_OK(find_subject(call, visible, limit));
  CHECK_OK(find_amount(call, limit));
  if (call.body.has("model")) limit.model = call.body.text("model");
  limit.downgrade_to = call.body.text("downgrade_to");
  limit.downgrade_percent =
      static_cast<int>(std::clamp<std::int64_t>(call.body.integer("downgrade_percent").value_or(100), 0, 101));
  TRY(const LimitLine line, call.store.set_limit(limit, call.now_us));
  TRY(const LimitReport report, find(call, visible, line.id));
  return text_of(report);
}

Result<std::string> get_limit(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(const LimitReport report, find(call, visible, call.id));
  return text_of(report);
}

Result<std::string> remove_limit(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(const LimitReport report, find(call, visible, call.id));
  TRY(const bool rules, visible.rules(report.line));
  if (!rules)
    return fail(ErrorKind::forbidden, "this role does not remove limits of its own scope",
                "ask an administrator of what is above it");
  CHECK_OK(call.store.remove_limit(report.line.id, call.now_us));
  return text_of(report);
}

}  // namespace sluice::admin
