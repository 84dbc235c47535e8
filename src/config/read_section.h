// Reads one section of the configuration by its table of settings.
#pragma once

#include <cstddef>
#include <utility>

#include "config/settings_table.h"
#include "yaml/fields.h"

namespace sluice::config {

template <class Section, std::size_t N>
void read_section(yaml::Fields& fields, const Setting<Section> (&table)[N], Section& into) {
  for (const Setting<Section>& setting : table) {
    if (setting.number) {
      if (const auto value = fields.integer(setting.name, setting.least, setting.most)) into.*setting.number = *value;
    } else if (setting.flag) {
      if (const auto value = fields.boolean(setting.name)) into.*setting.flag = *value;
    } else if (setting.texts) {
      into.*setting.texts = fields.texts(setting.name);
    } else if (setting.maybe) {
      into.*setting.maybe = fields.boolean(setting.name);
    } else if (auto value = fields.text(setting.name)) {
      into.*setting.text = *std::move(value);
    }
  }
}

}  // namespace sluice::config
