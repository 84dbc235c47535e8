// A page of a list: which one is asked for, and how it is written.
#pragma once

#include <string>

#include "admin/problem.h"
#include "admin/route.h"
#include "store/page.h"

namespace sluice::admin {

// `limit` and `cursor` of the query.
Result<store::PageRange> page_range(const Input& query);
std::string write_cursor(const store::Place& place);

template <class Item, class Write>
std::string write_page(const store::Page<Item>& page, const Write& write) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("data").begin_array();
  for (const Item& item : page.items) write(out, item);
  out.end_array();
  write_text(out, "next", page.next ? write_cursor(*page.next) : std::string());
  out.end_object();
  return text;
}

}  // namespace sluice::admin
