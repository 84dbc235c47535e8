#include <algorithm>
#include <charconv>

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

std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.starts_with(name) && one.substr(name.size()).starts_with('='))
      return std::string(one.substr(name.size() + 1));
  }
  return {};
}

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

// The provider's last page with the owner's items of all pages in it.
std::string write_list(json::Value last, const Page& all, bool has_more, const dialects::ListForm& form) {
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
  writer.end_object();
  return body;
}

}  // namespace

async::Task<CallOutcome> call_listing(Gateway& gateway, const Plan& plan, Question& question,
                                      const config::Snapshot& snapshot, std::string owner, async::Deadline deadline) {
  const dialects::ListForm form = dialects::list_form(question.client_dialect().id());
  const std::string_view query = question.query();
  const std::string limit_text = query_value(query, form.size);
  std::size_t wanted = 0;
  std::from_chars(limit_text.data(), limit_text.data() + limit_text.size(), wanted);
  const bool backwards = !query_value(query, "before").empty() || !query_value(query, "before_id").empty();
  const Purse nobody_bills{.affords = [](std::span<const Failure>, const Attempt&) { return true; },
                           .worst_cost = [](const Attempt&) { return std::optional(Money()); }};
  Page all;
  for (int pages = 1;; ++pages) {
    CallOutcome outcome = co_await call(gateway, plan, question, snapshot, nobody_bills, deadline);
    if (!outcome.reply || outcome.reply->streaming()) co_return outcome;
    const Result<json::Document> list = json::Document::parse(outcome.reply->body);
    const bool is_list =
        list && (list->root()[form.items].is_array() || (form.by_cursor && !list->root()[form.items].exists()));
    if (!is_list) {  // nobody can tell whose this is
      outcome.failures.push_back({.attempt = outcome.reply->attempt,
                                  .error = {.kind = ErrorKind::provider_unreachable,
                                            .message = "the provider answered with something that is not a list"},
                                  .asked = true,
                                  .reached = true});
      outcome.reply.reset();
      co_return outcome;
    }
    Result<Page> page = co_await own_part(gateway, owner, outcome.reply->attempt->provider().id.str(),
                                          read_page(list->root(), form), deadline);
    if (!page) {
      outcome.failures.push_back(
          {.attempt = outcome.reply->attempt, .error = std::move(page).error(), .asked = true, .reached = true});
      outcome.reply.reset();
      co_return outcome;
    }
    if (wanted == 0) wanted = std::max<std::size_t>(page->looked, 1);
    wanted = std::min(wanted, most_items);
    std::ranges::move(page->items, std::back_inserter(all.items));
    std::ranges::move(page->ids, std::back_inserter(all.ids));
    bool has_more = !page->next.empty();
    // A page that goes on by a cursor cannot be cut: the next one begins where the provider's ends. So it may be
    // shorter than the client wants it, but is not empty while there is more.
    const bool enough = page->by_cursor ? !all.items.empty() : all.items.size() >= wanted;
    if (!has_more || backwards || enough || pages == most_pages) {
      if (all.items.size() > wanted && !page->by_cursor) {
        all.items.resize(wanted);
        all.ids.resize(wanted);
        has_more = true;
      }
      outcome.reply->body = write_list(list->root(), all, has_more && !all.ids.empty(), form);
      co_return outcome;
    }
    question.go_on_behind(page->by_cursor ? form.cursor : form.after, page->next);
  }
}

}  // namespace sluice::gateway
