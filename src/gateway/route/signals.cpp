#include "gateway/route/signals.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ascii.h"

namespace sluice::gateway {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }
constexpr bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_'; }
constexpr bool is_token(char c) { return is_word(c) || c == '-'; }

bool begins_word(std::string_view text, std::size_t at) { return at == 0 || !is_word(text[at - 1]); }

// --- personal data

bool is_email_at(std::string_view text, std::size_t at) {
  const auto is_local = [](char c) { return is_word(c) || c == '.' || c == '%' || c == '+' || c == '-'; };
  if (at == 0 || !is_local(text[at - 1])) return false;
  std::size_t label = at + 1;
  std::size_t last_dot = 0;
  std::size_t i = label;
  for (; i < text.size() && (is_digit(text[i]) || is_letter(text[i]) || text[i] == '-' || text[i] == '.'); ++i)
    if (text[i] == '.') {
      if (i == label) return false;  // an empty label
      if (i + 1 < text.size() && is_letter(text[i + 1])) last_dot = i;
      label = i + 1;
    }
  if (last_dot == 0) return false;
  std::size_t letters = last_dot + 1;
  while (letters < i && is_letter(text[letters])) ++letters;
  return letters - last_dot - 1 >= 2;
}

// Digits from `at` on, with single blanks or hyphens between them; up to `most` of them.
std::string_view digits_from(std::string_view text, std::size_t at, std::array<char, 24>& digits, std::size_t& end) {
  std::size_t count = 0;
  std::size_t i = at;
  for (; i < text.size() && count < digits.size(); ++i) {
    if (is_digit(text[i]))
      digits[count++] = text[i];
    else if ((text[i] != ' ' && text[i] != '-') || i + 1 >= text.size() || !is_digit(text[i + 1]))
      break;
  }
  end = i;
  return {digits.data(), count};
}

bool passes_luhn(std::string_view digits) {
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

// By the ranges of the large issuers and the check digit.
bool is_card_number(std::string_view digits) {
  const std::size_t length = digits.size();
  const bool of_an_issuer = length == 16   ? digits[0] >= '2' && digits[0] <= '6'
                            : length == 15 ? digits.starts_with("34") || digits.starts_with("37")
                                           : (length == 13 || length == 19) && digits[0] == '4';
  return of_an_issuer && passes_luhn(digits);
}

// 123-45-6789; numbers that were never given out do not count.
bool is_social_security_number(std::string_view text) {
  if (text.size() < 11 || text[3] != '-' || text[6] != '-') return false;
  for (const std::size_t i : {0, 1, 2, 4, 5, 7, 8, 9, 10})
    if (!is_digit(text[i])) return false;
  if (text.size() > 11 && (is_word(text[11]) || text[11] == '-')) return false;
  const std::string_view area = text.substr(0, 3);
  return area != "000" && area != "666" && area[0] != '9' && text.substr(4, 2) != "00" && text.substr(7, 4) != "0000";
}

bool is_phone_at(std::string_view text, std::size_t plus) {
  if (plus + 1 >= text.size() || text[plus + 1] < '1' || text[plus + 1] > '9' || !begins_word(text, plus)) return false;
  std::size_t digits = 0;
  std::size_t i = plus + 1;
  for (; i < text.size() && digits <= 15; ++i) {
    if (is_digit(text[i]))
      ++digits;
    else if (std::string_view(" -().").find(text[i]) == std::string_view::npos)
      break;
  }
  return digits >= 9 && digits <= 15;
}

struct IbanForm {
  std::string_view country;
  std::size_t length;
};
// From SWIFT's IBAN registry.
constexpr IbanForm iban_forms[] = {{"AD", 24}, {"AE", 23}, {"AT", 20}, {"BE", 16}, {"BG", 22}, {"BR", 29}, {"CH", 21},
                                   {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DK", 18}, {"EE", 20}, {"ES", 24}, {"FI", 18},
                                   {"FR", 27}, {"GB", 22}, {"GR", 27}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23},
                                   {"IS", 26}, {"IT", 27}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"MC", 27},
                                   {"MT", 31}, {"NL", 18}, {"NO", 15}, {"PL", 28}, {"PT", 25}, {"RO", 24}, {"SA", 24},
                                   {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"TR", 26}};

// DE89 3704 0044 0532 0130 00, by its country's length and its check digits.
bool is_iban_at(std::string_view text, std::size_t at) {
  if (at + 15 > text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) return false;
  const auto form = std::ranges::find(iban_forms, text.substr(at, 2), &IbanForm::country);
  if (form == std::end(iban_forms)) return false;
  std::array<char, 34> letters{};
  std::size_t count = 0;
  std::size_t i = at;
  for (; i < text.size() && count < form->length; ++i) {
    if (is_digit(text[i]) || is_upper(text[i]))
      letters[count++] = text[i];
    else if (text[i] != ' ')
      break;
  }
  if (count < form->length || (i < text.size() && is_word(text[i]))) return false;
  unsigned remainder = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const char c = letters[(n + 4) % count];
    remainder = is_digit(c) ? (remainder * 10 + static_cast<unsigned>(c - '0')) % 97
                            : (remainder * 100 + static_cast<unsigned>(c - 'A' + 10)) % 97;
  }
  return remainder == 1;
}

// --- secrets

struct TokenForm {
  std::string_view begin;
  std::size_t least;  // characters behind it
  bool needs_digit = false;
};
constexpr TokenForm token_forms[] = {{"AKIA", 16},     {"ASIA", 16},  {"ghp_", 36},      {"gho_", 36},
                                     {"ghs_", 36},     {"ghu_", 36},  {"ghr_", 36},      {"github_pat_", 22},
                                     {"glpat-", 20},   {"AIza", 35},  {"sk-", 20, true}, {"sk_live_", 16},
                                     {"rk_live_", 16}, {"xoxb-", 10}, {"xoxp-", 10},     {"xoxa-", 10}};

bool is_token_at(std::string_view text, std::size_t at, const TokenForm& form) {
  if (at > 0 && is_token(text[at - 1])) return false;
  std::size_t length = 0;
  bool digit = false;
  for (std::size_t i = at + form.begin.size(); i < text.size() && is_token(text[i]); ++i, ++length)
    digit = digit || is_digit(text[i]);
  return length >= form.least && (digit || !form.needs_digit);
}

bool is_jwt_at(std::string_view text, std::size_t at) {
  if (at > 0 && is_token(text[at - 1])) return false;
  std::size_t i = at;
  while (i < text.size() && is_token(text[i])) ++i;
  return i - at >= 15 && text.substr(i).starts_with(".eyJ");
}

// --- code

bool is_code_line(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  if (line.empty()) return false;
  constexpr std::string_view beginnings[] = {"def ",    "import ",  "#include", "function ", "const ",  "SELECT ",
                                             "public ", "private ", "fn ",      "package ",  "return ", "if (",
                                             "for (",   "while (",  "</",       "<?",        "#!/",     "elif ",
                                             "try:",    "else:",    "func "};
  if (std::ranges::any_of(beginnings, [&](std::string_view one) { return line.starts_with(one); })) return true;
  const char last = line.back();
  return last == ';' || last == '{' || last == '}' || line.ends_with("):") || line.ends_with("=>");
}

// --- languages

struct Words {
  std::string_view language;
  std::string_view words;  // the most common ones that the others have not, with blanks around each
};
constexpr Words common_words[] = {
    {"en", " the and is of that this what with for you are how please have can "},
    {"de", " der die das und ist nicht ich ein eine mit auf wie bitte sich auch "},
    {"fr", " le les et est une pour dans pas vous qui sur avec je ce comment "},
    {"es", " el los las y es una por que con para como no del está puedes "},
    {"it", " il gli e è di che per una non con sono come della questo puoi "},
    {"pt", " o os e é um uma para com não que como você isso do da "},
    {"nl", " de het en is een van niet ik dat met voor hoe op zijn kunt "},
};

// Which languages a word is common in, a bit for each of common_words; made once.
const std::unordered_map<std::string_view, std::uint8_t>& languages_of_words() {
  static const std::unordered_map<std::string_view, std::uint8_t> languages = [] {
    std::unordered_map<std::string_view, std::uint8_t> made;
    for (std::size_t n = 0; n < std::size(common_words); ++n)
      for (std::string_view rest = common_words[n].words; rest.size() > 1;) {
        rest.remove_prefix(1);
        const std::size_t end = rest.find(' ');
        made[rest.substr(0, end)] |= static_cast<std::uint8_t>(1u << n);
        rest.remove_prefix(end);
      }
    return made;
  }();
  return languages;
}

// Of a code point that is no Latin letter; empty: it says nothing.
constexpr std::string_view script_language(char32_t c) {
  if (c >= 0x370 && c <= 0x3FF) return "el";
  if (c >= 0x400 && c <= 0x52F) return "ru";
  if (c >= 0x590 && c <= 0x5FF) return "he";
  if (c >= 0x600 && c <= 0x6FF) return "ar";
  if (c >= 0x900 && c <= 0x97F) return "hi";
  if (c >= 0xE00 && c <= 0xE7F) return "th";
  if (c >= 0x3040 && c <= 0x30FF) return "ja";
  if (c >= 0xAC00 && c <= 0xD7AF) return "ko";
  if (c >= 0x4E00 && c <= 0x9FFF) return "zh";
  return {};
}

constexpr std::size_t most_language_bytes = 2'048;  // a page tells as much as a book
constexpr std::size_t most_words = 300;

// --- the body

bool is_opaque(std::string_view member) {
  constexpr std::string_view names[] = {
      "type", "role",     "id",       "call_id",   "tool_call_id", "tool_use_id",      "media_type",
      "data", "mimeType", "b64_json", "file_data", "signature",    "encrypted_content"};
  return std::ranges::find(names, member) != std::end(names);
}

// Of a document: Anthropic has text and base64 under one name.
bool is_plain_text(json::Value source, std::string_view member) {
  return member == "data" && source["type"].string() == "text";
}

constexpr int deepest = 12;  // content of a tool's result is five deep

template <class Look>
bool walk(json::Value value, const Look& look, int depth = 0) {
  if (const auto text = value.string()) return text->starts_with("data:") || look(*text);
  if (depth == deepest) return true;
  if (value.is_array()) {
    for (const json::Value& one : value.elements())
      if (!walk(one, look, depth + 1)) return false;
  } else if (value.is_object()) {
    for (const auto& [name, one] : value.members())
      if ((!is_opaque(name) || is_plain_text(value, name)) && !walk(one, look, depth + 1)) return false;
  }
  return true;
}

bool is_of_user(json::Value message) {
  if (!message.is_object()) return true;
  const auto role = message["role"].string();
  if (role ? *role != "user" : message["type"].exists() && message["type"].string() != "message") return false;
  const json::Value parts = message["content"].exists() ? message["content"] : message["parts"];
  if (!parts.is_array()) return true;
  const std::vector<json::Value> all = parts.elements();
  return std::ranges::any_of(all, [](json::Value part) {
    return part["type"].string() != "tool_result" && !part["functionResponse"].exists();
  });
}

}  // namespace

bool has_pii(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '@') {
      if (is_email_at(text, i)) return true;
    } else if (c == '+') {
      if (is_phone_at(text, i)) return true;
    } else if (is_digit(c) && begins_word(text, i) && (i == 0 || (text[i - 1] != '.' && text[i - 1] != '-'))) {
      if (is_social_security_number(text.substr(i))) return true;
      std::array<char, 24> space{};
      std::size_t end = i;
      const std::string_view digits = digits_from(text, i, space, end);
      if (is_card_number(digits) && (end >= text.size() || !is_word(text[end]))) return true;
      while (i + 1 < text.size() && is_digit(text[i + 1])) ++i;
    } else if (is_upper(c) && begins_word(text, i) && is_iban_at(text, i)) {
      return true;
    }
  }
  return false;
}

bool has_secret(std::string_view text) {
  // Few words begin with what a token begins with, so most of a text is passed over by its first letters.
  constexpr std::string_view first_letters = "Agsrxe";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && is_token(text[i - 1])) continue;
    if (first_letters.find(text[i]) == std::string_view::npos) continue;
    const std::string_view rest = text.substr(i);
    for (const TokenForm& form : token_forms)
      if (rest.starts_with(form.begin) && is_token_at(text, i, form)) return true;
    if (rest.starts_with("eyJ") && is_jwt_at(text, i)) return true;
  }
  const std::size_t begin = text.find("-----BEGIN ");
  return begin != std::string_view::npos && text.substr(begin, 60).find("PRIVATE KEY-----") != std::string_view::npos;
}

bool looks_like_code(std::string_view text) {
  if (text.find("```") != std::string_view::npos) return true;
  int lines = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (is_code_line(text.substr(0, end)) && ++lines == 2) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

std::string_view language_of(std::string_view text) {
  text = text.substr(0, most_language_bytes);
  std::array<std::pair<std::string_view, int>, 10> scripts{};
  std::array<int, std::size(common_words)> hits{};
  int latin = 0;
  int other = 0;
  std::size_t words = 0;
  std::string word;
  const auto& languages = languages_of_words();
  const auto end_word = [&] {
    if (!word.empty() && words++ < most_words)
      if (const auto found = languages.find(word); found != languages.end())
        for (std::size_t n = 0; n < hits.size(); ++n) hits[n] += (found->second >> n) & 1;
    word.clear();
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    if (i + length > text.size()) break;
    char32_t c = length == 1 ? byte : byte & (0x7Fu >> length);
    for (std::size_t n = 1; n < length; ++n) c = (c << 6) | (static_cast<unsigned char>(text[i + n]) & 0x3Fu);
    const std::string_view script = script_language(c);
    if (!script.empty()) {
      ++other;
      const auto place =
          std::ranges::find_if(scripts, [&](const auto& one) { return one.first.empty() || one.first == script; });
      if (place != scripts.end()) *place = {script, place->second + 1};
      end_word();
    } else if ((length == 1 && is_letter(text[i])) || (c >= 0xC0 && c < 0x250)) {
      ++latin;
      if (length == 1)
        word += ascii_lower(text[i]);
      else
        word += text.substr(i, length);
    } else {
      end_word();
    }
    i += length;
  }
  end_word();
  if (other * 3 > latin) {
    // Japanese has Han characters between its own; whoever has kana is Japanese.
    const auto japanese = std::ranges::find(scripts, std::string_view("ja"), &std::pair<std::string_view, int>::first);
    if (japanese != scripts.end() && japanese->second * 10 > other) return "ja";
    return std::ranges::max(scripts, {}, &std::pair<std::string_view, int>::second).first;
  }
  const auto best = std::ranges::max_element(hits);
  const int second = [&] {
    int most = 0;
    for (auto at = hits.begin(); at != hits.end(); ++at)
      if (at != best) most = std::max(most, *at);
    return most;
  }();
  return *best >= 2 && *best > second ? common_words[best - hits.begin()].language : std::string_view();
}

namespace {

json::Value turns_of(json::Value body) {
  json::Value turns;
  for (const char* member : {"messages", "contents", "input", "prompt"})
    if (!turns.exists()) turns = body[member];
  return turns;
}

}  // namespace

std::string newest_text(json::Value body, std::size_t most_bytes) {
  const json::Value turns = turns_of(body);
  const std::vector<json::Value> messages = turns.is_array() ? turns.elements() : std::vector<json::Value>{turns};
  std::string all;
  for (std::size_t i = messages.size(); i-- > 0;) {
    if (!messages[i].exists() || !is_of_user(messages[i])) continue;
    walk(messages[i], [&](std::string_view text) {
      if (!all.empty()) all.push_back('\n');
      all.append(text.substr(0, most_bytes - std::min(all.size(), most_bytes)));
      return all.size() < most_bytes;
    });
    break;
  }
  return all;
}

bool wants_schema(json::Value body) {
  return body["response_format"].is_object() || body["text"]["format"].is_object() ||
         body["output_config"]["format"].is_object() || body["generationConfig"]["responseSchema"].exists() ||
         body["generationConfig"]["responseJsonSchema"].exists();
}

Signals read_signals(json::Value body) {
  Signals signals;
  const auto look = [&](std::string_view text) {
    text = text.substr(0, most_signal_bytes - signals.bytes);
    signals.bytes += text.size();
    signals.code = signals.code || looks_like_code(text);
    signals.pii = signals.pii || has_pii(text);
    signals.secrets = signals.secrets || has_secret(text);
    return signals.bytes < most_signal_bytes;
  };
  const json::Value turns = turns_of(body);
  const std::vector<json::Value> messages = turns.is_array() ? turns.elements() : std::vector<json::Value>{turns};
  bool go_on = true;
  for (std::size_t i = messages.size(); i-- > 0;) {
    const bool of_user = messages[i].exists() && is_of_user(messages[i]);
    if (of_user && ++signals.turns == 1)
      walk(messages[i], [&](std::string_view text) {
        signals.language = language_of(text);
        return signals.language.empty();
      });
    if (go_on) go_on = walk(messages[i], look);
  }
  for (const char* member : {"system", "instructions", "systemInstruction", "system_instruction"})
    if (go_on) go_on = walk(body[member], look);
  return signals;
}

}  // namespace sluice::gateway
