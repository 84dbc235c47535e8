#include <algorithm>
#include <charconv>

#include "base/query.h"
#include "gateway/resources/desk.h"
#include "gateway/resources/resources.h"

namespace sluice::gateway {
namespace {

constexpr int most_pages = 20;              // of the provider, for one page of the client
constexpr std::size_t most_items = 10'000;  // the largest page that an API gives

// The part of a list that a client may see.
struct Page {
  std::vector<std::string> items;  // as JSON
  std::vector<std::string> ids;
  std::string next;        // the id behind which the provider's list goes on, or its cursor; empty at its end
  bool by_cursor = false;  // only the provider can say where its list goes on
  std::size_t looked = 0;  // items of the provider
};

Page read_page(json::Value list, const dialects::ListForm& form) {
  Page page;
  for (const json::Value& item : list[form.items].elements()) {
    const std::string_view id = item[form.id].string().value_or("");
    page.ids.emplace_back(id.substr(id.rfind('/') + 1));
    page.items.push_back(item.text());
  }
  page.looked = page.items.size();
  page.by_cursor = form.by_cursor || list[form.next_cursor].exists();
  if (page.by_cursor)
    page.next = list[form.next_cursor].string().value_or("");
  else if (list["has_more"].boolean().value_or(false) && !page.ids.empty())
    page.next = page.ids.back();
  return page;
}

async::Task<Result<Page>> own_part(Gateway& gateway, std::string owner, std::string provider, Page page,
                                   async::Deadline deadline) {
  const std::int64_t now_us = gateway.time.unix_us();
  std::function<Result<std::vector<bool>>(store::ResourceStore&)> ask =
      [=, ids = page.ids](store::ResourceStore& store) -> Result<std::vector<bool>> {
    std::vector<bool> own;
    for (const std::string& id : ids) {
      TRY(const auto kept_by, store.provider_of(owner, id, now_us));
      own.push_back(kept_by == provider);
    }
    return own;
  };
  CO_TRY(const std::vector<bool> own,
         co_await DeskQuestion<std::vector<bool>>(gateway.reactor, gateway.desk, std::move(ask), deadline));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!own[i]) continue;
    if (kept != i) {
      page.items[kept] = std::move(page.items[i]);
      page.ids[kept] = std::move(page.ids[i]);
    }
    ++kept;
  }
  page.items.resize(kept);
  page.ids.resize(kept);
  co_return page;
}

// The provider's last page with the owner's items of all pages in it. `next`: of lists that go on by cursors, where
// this one does; empty at its end.
std::string write_list(json::Value last, const Page& all, bool has_more, const std::string& next,
                       const dialects::ListForm& form) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  const auto write_items = [&] {
    writer.begin_array();
    for (const std::string& item : all.items) writer.raw(item);
    writer.end_array();
  };
  if (!last[form.items].exists() && !all.items.empty()) {
    writer.key(form.items);
    write_items();
  }
  for (const auto& [name, value] : last.members()) {
    if (name == form.next_cursor && form.by_cursor) continue;
    writer.key(name);
    if (name == form.items) {
      write_items();
    } else if (name == "has_more") {
      writer.boolean(has_more);
    } else if ((name == "first_id" || name == "last_id") && all.ids.empty()) {
      writer.null();
    } else if (name == "first_id" || name == "last_id") {
      writer.string(name == "first_id" ? all.ids.front() : all.ids.back());
    } else {
      writer.raw(value.text());
    }
  }
  if (form.by_cursor && !next.empty()) writer.member(form.next_cursor, next);
  writer.end_object();
  return body;
}

// One page of the provider, and the owner's part of it.
struct Look {
  CallOutcome outcome;
  std::optional<json::Document> list;  // empty: the outcome is the answer as it stands
  Page page;
};

async::Task<Look> look(Gateway& gateway, const Plan& plan, Question& question, const config::Snapshot& snapshot,
                       std::string owner, dialects::ListForm form, async::Deadline deadline) {
  const Purse nobody_bills{.affords = [](std::span<const Failure>, const Attempt&) { return true; },
                           .worst_cost = [](const Attempt&) { return std::optional(Money()); }};
  Look look;
  look.outcome = co_await call(gateway, plan, question, snapshot, nobody_bills, deadline);
  if (!look.outcome.reply || look.outcome.reply->streaming()) co_return look;
  const Attempt* attempt = look.outcome.reply->attempt;
  Result<json::Document> list = json::Document::parse(look.outcome.reply->body);
  const bool is_list =
      list && (list->root()[form.items].is_array() || (form.by_cursor && !list->root()[form.items].exists()));
  Result<Page> page = fail(ErrorKind::provider_unreachable, "the provider answered with something that is not a list");
  if (is_list)  // of what is none nobody can tell whose it is
    page = co_await own_part(gateway, owner, attempt->provider().id.str(), read_page(list->root(), form), deadline);
  if (!page) {
    look.outcome.failures.push_back(
        {.attempt = attempt, .error = std::move(page).error(), .asked = true, .reached = true});
    look.outcome.reply.reset();
    co_return look;
  }
  look.list = *std::move(list);
  look.page = *std::move(page);
  co_return look;
}

}  // namespace

async::Task<CallOutcome> call_listing(Gateway& gateway, const Plan& plan, Question& question,
                                      const config::Snapshot& snapshot, std::string owner, async::Deadline deadline) {
  const dialects::ListForm form = dialects::list_form(question.client_dialect().id(), *question.resource());
  const std::string_view query = question.query();
  const std::string_view limit_text = query_value(query, form.size);
  std::size_t wanted = 0;
  std::from_chars(limit_text.data(), limit_text.data() + limit_text.size(), wanted);
  const bool backwards = !query_value(query, "before").empty() || !query_value(query, "before_id").empty();
  Page all;
  for (int pages = 1;; ++pages) {
    Look one = co_await look(gateway, plan, question, snapshot, owner, form, deadline);
    if (!one.list) co_return std::move(one.outcome);
    Page& page = one.page;
    if (wanted == 0) wanted = std::max<std::size_t>(page.looked, 1);
    wanted = std::min(wanted, most_items);
    std::ranges::move(page.items, std::back_inserter(all.items));
    std::ranges::move(page.ids, std::back_inserter(all.ids));
    bool has_more = !page.next.empty();
    // A page that goes on by a cursor cannot be cut: the next one begins where the provider's ends. So it may be
    // shorter than the client wants it, but is not empty while there is more.
    const bool enough = page.by_cursor ? !all.items.empty() : all.items.size() >= wanted;
    if (!has_more || backwards || enough || pages == most_pages) {
      if (all.items.size() > wanted && !page.by_cursor) {
        all.items.resize(wanted);
        all.ids.resize(wanted);
        has_more = true;
      }
      // And where it says that there is more, there is: Google's SDKs take no empty page.
      std::string next = std::move(page.next);
      while (form.by_cursor && !next.empty() && pages++ < most_pages) {
        question.go_on_behind(form.cursor, next);
        Look ahead = co_await look(gateway, plan, question, snapshot, owner, form, deadline);
        if (!ahead.list || !ahead.page.items.empty()) break;
        next = std::move(ahead.page.next);
      }
      one.outcome.reply->body = write_list(one.list->root(), all, has_more && !all.ids.empty(), next, form);
      co_return std::move(one.outcome);
    }
    question.go_on_behind(page.by_cursor ? form.cursor : form.after, page.next);
  }
}

}  // namespace sluice::gateway
