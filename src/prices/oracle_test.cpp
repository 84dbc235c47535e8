// Recorded usage of real providers with the prices that another program expects for it (genai-prices, MIT). Each
// payload is read by the dialect of its extractor and priced with that program's own prices, imported as `sluice prices
// import` does it. What differs must stand in oracle_differences.txt with its reason.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "json/json.h"
#include "prices/answer.h"
#include "prices/formats.h"

namespace sluice::prices {
namespace {

std::optional<std::string> read_shared(const std::string& name) {
  const char* named = std::getenv("SLUICE_SHARED_DATA");
  const std::string folder = named ? named : std::string(SLUICE_SOURCE) + "/../shared/data";
  for (const std::string& at : {folder, std::string(SLUICE_SOURCE) + "/../../shared/data"})
    if (std::ifstream file(at + "/prices/" + name); file) {
      std::ostringstream text;
      text << file.rdbuf();
      return text.str();
    }
  return std::nullopt;
}

// The extractors' names: provider and flavour.
std::optional<chat::DialectId> dialect_of(std::string_view provider, std::string_view flavour) {
  if (flavour == "responses") return chat::DialectId::openai_responses;
  if (flavour == "chat") return chat::DialectId::openai_chat;
  if (flavour == "embeddings") return chat::DialectId::openai_embeddings;
  if (flavour == "anthropic") return chat::DialectId::anthropic_messages;
  if (flavour != "default") return std::nullopt;
  if (provider == "anthropic" || provider == "minimax") return chat::DialectId::anthropic_messages;
  if (provider == "google") return chat::DialectId::gemini;
  if (provider == "aws") return chat::DialectId::bedrock_converse;
  return chat::DialectId::openai_chat;
}

std::map<std::string, std::string> read_differences() {
  std::ifstream file(std::string(SLUICE_SOURCE) + "/src/prices/oracle_differences.txt");
  std::map<std::string, std::string> differences;
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    if (!line.empty() && line[0] != '#' && tab != std::string::npos)
      differences[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return differences;
}

TEST(Oracle, Recorded_usage_costs_what_another_program_expects) {
  const auto catalogue = read_shared("genai_prices.json");
  const auto payloads = read_shared("provider_usages.json");
  if (!catalogue || !payloads)
    GTEST_SKIP() << "the recorded usage is not there (SLUICE_SHARED_DATA names the folder with prices/)";

  // Prices as they were when the expectations were made.
  const catalog::Moment when = *catalog::parse_date("2026-07-15") + std::chrono::hours(12);
  const auto read = read_catalogue(*catalogue, std::nullopt, {.source = "genai-prices", .observed = "2026-07-15"});
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->format, Format::genai_prices);
  const catalog::PriceBook book(read->prices);
  const std::map<std::string, std::string> differences = read_differences();
  std::map<std::string, bool> met;

  const auto parsed = json::Document::parse(*payloads);
  ASSERT_TRUE(parsed);
  std::size_t supported = 0;
  std::size_t equal = 0;
  std::ostringstream unexplained;
  for (const json::Value& payload : parsed->root().elements()) {
    const json::Value body = payload["body"];
    for (const json::Value& extracted : payload["extracted"].elements())
      for (const json::Value& by : extracted["extractors"].elements()) {
        if (!by["input_price"].exists()) continue;
        const std::string_view provider = *by["provider_id"].string();
        const std::string_view flavour = *by["api_flavor"].string();
        const auto id = dialect_of(provider, flavour);
        // A chat answer is none of embeddings, though it has a count of prompt tokens, too.
        if (!id || (flavour == "embeddings" && body["usage"]["completion_tokens"].exists())) continue;
        ++supported;
        const auto dialect = make_dialect(*id);
        const auto answer = read_answer(*dialect, body.text());
        const auto money = [&](const char* name) {
          return Money::pico(scaled(by[name].string().value_or("no price"), 12).value());
        };
        const Money input = money("input_price");
        const Money output = money("output_price");
        const Money expected = by["total_price"].exists() ? money("total_price") : input + output;
        const std::string_view model = payload["model"].string().value_or("");
        const std::string sluice_name = provider == "google"    ? "gemini"
                                        : provider == "aws"     ? "bedrock"
                                        : provider == "x-ai"    ? "xai"
                                        : provider == "zhipuai" ? "zai"
                                                                : std::string(provider);
        std::string got = "no usage";
        if (answer) {
          const Bill bill = prices::bill(book.quote(ProviderId(sluice_name), ModelName(std::string(model)), when),
                                         answer->usage.service_tier, catalog::quantities(answer->usage));
          got = bill.total ? bill.total->usd() : "unpriced";
        }
        if (got == expected.usd()) {
          ++equal;
          continue;
        }
        const std::string key = std::string(provider) + "/" + std::string(flavour) + " " +
                                std::string(body["file"].string().value_or(model));
        met[key] = true;
        if (!differences.contains(key))
          unexplained << key << "\t" << model << " expected " << expected.usd() << " (" << input.usd() << " + "
                      << output.usd() << ") got " << got << "  " << body.text().substr(0, 600) << "\n";
      }
  }
  RecordProperty("supported", static_cast<int>(supported));
  RecordProperty("equal", static_cast<int>(equal));
  std::cout << "recorded usage: " << supported << " priced pairs of payload and extractor, " << equal << " equal, "
            << supported - equal << " differ\n";
  EXPECT_EQ(unexplained.str(), "");
  EXPECT_GE(supported, 1'000U);
  EXPECT_GE(equal * 100, supported * 99);
  for (const auto& [key, reason] : differences)
    EXPECT_TRUE(met.contains(key)) << key << " does not differ any more: " << reason;
}

}  // namespace
}  // namespace sluice::prices
