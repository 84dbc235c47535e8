#include "dialects/resources/resources.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::dialects {
namespace {

std::string ids_named_by(DialectId dialect, std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  const auto found = references(dialect, body, *parsed);
  if (!found) throw std::runtime_error(found.error().message);
  std::string all;
  for (const Reference& reference : *found)
    all.append(all.empty() ? "" : " ").append(reference.member + "=" + reference.id);
  return all;
}

TEST(ResourceCall, Is_a_path_below_a_known_collection) {
  const auto content = openai_resource_call("GET", "/files/file-1/content");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->collection, "/files");
  EXPECT_EQ(content->id, "file-1");
  EXPECT_FALSE(content->is_list() || content->is_create() || content->is_delete());
  EXPECT_TRUE(openai_resource_call("GET", "/fine_tuning/jobs")->is_list());
  EXPECT_TRUE(openai_resource_call("POST", "/batches")->is_create());
  EXPECT_TRUE(openai_resource_call("DELETE", "/vector_stores/vs_1")->is_delete());
  EXPECT_FALSE(openai_resource_call("DELETE", "/vector_stores/vs_1/files/file-1")->is_delete());
  EXPECT_EQ(anthropic_resource_call("GET", "/messages/batches/msgbatch_1/results")->id, "msgbatch_1");
}

TEST(ResourceCall, Is_nothing_else) {
  for (const char* path : {"/files/", "/files/..", "/files/a/../b", "/files/a%2Fb", "/files/a//b", "/filesystem",
                           "/evals/e1", "/files/1/2/3/4/5/6/7", "/files/a b", "/models"})
    EXPECT_FALSE(openai_resource_call("GET", path)) << path;
  EXPECT_FALSE(openai_resource_call("PUT", "/files/file-1"));
  EXPECT_FALSE(openai_resource_call("POST", "/responses"));     // a model's call
  EXPECT_FALSE(openai_resource_call("GET", "/conversations"));  // there is no such list
  EXPECT_FALSE(anthropic_resource_call("GET", "/vector_stores"));
}

TEST(ResourceCall, Says_whether_the_provider_bills_it) {
  EXPECT_TRUE(openai_resource_call("POST", "/files")->is_free);
  EXPECT_TRUE(openai_resource_call("GET", "/batches/batch_1")->is_free);
  EXPECT_TRUE(openai_resource_call("POST", "/batches/batch_1/cancel")->is_free);
  EXPECT_FALSE(openai_resource_call("POST", "/batches")->is_free);
  EXPECT_FALSE(openai_resource_call("POST", "/vector_stores/vs_1/search")->is_free);
  EXPECT_FALSE(anthropic_resource_call("POST", "/messages/batches")->is_free);
}

TEST(ResourceCall, Of_a_batch_of_google_is_made_by_a_method_of_its_model) {
  const auto made = gemini_batch_call("batchGenerateContent");
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->is_create());
  EXPECT_FALSE(made->is_free);
  EXPECT_EQ(path_of(*made, "gemini-3"), "/models/gemini-3:batchGenerateContent");
  EXPECT_EQ(path_of(*made, "a b/c"), "/models/a%20b%2Fc:batchGenerateContent");
  EXPECT_TRUE(gemini_batch_call("asyncBatchEmbedContent"));
  EXPECT_FALSE(gemini_batch_call("generateContent"));
  EXPECT_FALSE(gemini_batch_call(""));
  EXPECT_TRUE(gemini_resource_call("GET", "/batches")->is_list());
  EXPECT_TRUE(gemini_resource_call("DELETE", "/batches/b1")->is_delete());
  const auto cancelled = gemini_resource_call("POST", "/batches/b1:cancel");
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->id, "b1");
  EXPECT_TRUE(cancelled->is_free && !cancelled->is_create());
  EXPECT_EQ(path_of(*cancelled, "m"), "/batches/b1:cancel");
  for (const char* path : {"/batches/", "/batches/..", "/batches/a/b", "/batches/a:b", "/batches/:cancel", "/batchesX"})
    for (const char* method : {"GET", "POST", "DELETE"}) EXPECT_FALSE(gemini_resource_call(method, path)) << path;
  EXPECT_FALSE(gemini_resource_call("POST", "/batches"));
  EXPECT_FALSE(gemini_resource_call("DELETE", "/batches"));
  EXPECT_FALSE(gemini_resource_call("PATCH", "/batches/b1"));
}

TEST(ResourceCall, Of_a_tuned_model_of_google_reads_alone) {
  EXPECT_TRUE(gemini_resource_call("GET", "/tunedModels")->is_list());
  EXPECT_TRUE(gemini_resource_call("GET", "/tunedModels/m1")->is_shared);
  for (const char* method : {"POST", "PATCH", "DELETE"})
    EXPECT_FALSE(gemini_resource_call(method, "/tunedModels/m1")) << method;
  EXPECT_FALSE(gemini_resource_call("GET", "/tunedModels/m1:generateContent"));
}

TEST(ResourceCall, Of_a_cache_is_one_of_five) {
  const auto changed = gemini_resource_call("PATCH", "/cachedContents/c1");
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->id, "c1");
  EXPECT_FALSE(changed->is_free);  // a longer life is billed
  EXPECT_TRUE(gemini_resource_call("POST", "/cachedContents")->is_create());
  EXPECT_FALSE(gemini_resource_call("POST", "/cachedContents")->is_free);
  EXPECT_TRUE(gemini_resource_call("GET", "/cachedContents")->is_list());
  EXPECT_TRUE(gemini_resource_call("GET", "/cachedContents/c1")->is_free);
  EXPECT_TRUE(gemini_resource_call("DELETE", "/cachedContents/c1")->is_delete());
  for (const char* path : {"/cachedContents/", "/cachedContents/..", "/cachedContents/a/b", "/cachedContentsX"})
    EXPECT_FALSE(gemini_resource_call("GET", path)) << path;
  EXPECT_FALSE(gemini_resource_call("POST", "/cachedContents/c1"));
  EXPECT_FALSE(gemini_resource_call("DELETE", "/cachedContents"));
  EXPECT_FALSE(gemini_resource_call("PUT", "/cachedContents/c1"));
}

TEST(References, Are_found_wherever_they_stand) {
  EXPECT_EQ(ids_named_by(DialectId::openai_chat,
                         R"({"messages":[{"content":[{"type":"file","file":{"file_id":"file-1"}}]}]})"),
            "file_id=file-1");
  EXPECT_EQ(
      ids_named_by(DialectId::openai_responses,
                   R"({"previous_response_id":"resp_1","conversation":{"id":"conv_1"},"input":[{"content":[)"
                   R"({"type":"input_image","file_id":"file-1"},{"type":"input_file","file_id":"file-1"}]}],)"
                   R"("tools":[{"type":"file_search","vector_store_ids":["vs_1","vs_2"]},)"
                   R"({"type":"code_interpreter","container":{"type":"auto","file_ids":["file-2"]}},)"
                   R"({"type":"code_interpreter","container":"cntr_1"}]})"),
      "previous_response_id=resp_1 conversation=conv_1 file_id=file-1 vector_store_ids=vs_1 vector_store_ids=vs_2 "
      "file_ids=file-2 container=cntr_1");
  EXPECT_EQ(
      ids_named_by(DialectId::anthropic_messages,
                   R"({"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]})"),
      "file_id=file_1");
  EXPECT_EQ(ids_named_by(DialectId::openai_resources, R"({"input_file_id":"file-1","training_file":"file-2"})"),
            "input_file_id=file-1 training_file=file-2");
}

TEST(References, Are_found_when_their_names_are_escaped_or_doubled) {
  EXPECT_EQ(ids_named_by(DialectId::openai_chat, R"({"x":{"\u0066ile_id":"file-1"}})"), "file_id=file-1");
  EXPECT_EQ(ids_named_by(DialectId::openai_chat, R"({"x":{"file_id":"file-1","file_id":"file-2"}})"),
            "file_id=file-1 file_id=file-2");
}

TEST(References, Are_not_the_clients_own_data) {
  for (const char* own :
       {R"({"metadata":{"file_id":"x"}})", R"({"tools":[{"parameters":{"default":{"file_id":"x"}}}]})",
        R"({"messages":[{"content":[{"type":"tool_use","input":{"file_id":"x"}}]}]})", R"({"text":"file_id: x"})",
        R"({"file_id":7})", R"({"file_id":""})"})
    EXPECT_EQ(ids_named_by(DialectId::anthropic_messages, own), "") << own;
  EXPECT_EQ(ids_named_by(DialectId::openai_responses, R"({"tools":[{"container":"auto"}]})"), "");
  EXPECT_EQ(ids_named_by(DialectId::openai_chat, R"({"conversation":"a vendor's own"})"), "");
}

TEST(References, Are_found_where_the_clients_data_only_seems_to_be) {
  for (const char* body : {R"({"prompt":{"variables":{"metadata":{"type":"input_file","file_id":"f"}}}})",
                           R"({"prompt":{"variables":{"parameters":{"file_id":"f"},"schema":[]}}})",
                           R"({"input":[{"schema":{"file_id":"f"}}]})", R"({"tools":[{"metadata":{"file_id":"f"}}]})"})
    EXPECT_EQ(ids_named_by(DialectId::openai_responses, body), "file_id=f") << body;
  EXPECT_EQ(ids_named_by(DialectId::anthropic_resources,
                         R"({"requests":[{"params":{"metadata":{"file_id":"x"},"tools":[{"input_schema":)"
                         R"({"file_id":"x"}}],"messages":[{"content":[{"source":{"file_id":"f"}}]}]}}]})"),
            "file_id=f");
  EXPECT_EQ(ids_named_by(DialectId::openai_responses, R"({"text":{"format":{"schema":{"default":{"file_id":"x"}}}}})"),
            "");
  EXPECT_EQ(ids_named_by(DialectId::openai_image_edits, R"({"images":[{"file_id":"f"}],"mask":{"file_id":"m"}})"),
            "file_id=f file_id=m");
  EXPECT_EQ(
      ids_named_by(DialectId::openai_chat, R"({"audio":{"voice":"alloy","format":"wav"},"modalities":["text","audio"],)"
                                           R"("messages":[{"role":"assistant","audio":{"id":"audio_1"}},)"
                                           R"({"content":[{"type":"input_audio","input_audio":{"data":"aGk="}}]}]})"),
      "audio=audio_1");
}

TEST(References, Are_items_that_only_their_keeper_can_fill_in) {
  const auto items = [](const std::string& item) {
    return ids_named_by(DialectId::openai_responses, R"({"input":[)" + item + "]}");
  };
  for (const char* item : {R"({"id":"i"})", R"({"id":"i","type":null})", R"({"type":"item_reference","id":"i"})",
                           R"({"id":"i","role":"user"})", R"({"type":"reasoning","id":"i","summary":[]})",
                           R"({"type":"reasoning","id":"i","encrypted_content":null})",
                           R"({"type":"image_generation_call","id":"i","result":null})", R"({"id":"i","content":null})",
                           R"({"id":"i","content":[]})", R"({"id":"i","content":""})",
                           R"({"type":"reasoning","id":"i","encrypted_content":""})",
                           R"({"type":"image_generation_call","id":"i","result":""})",
                           R"({"type":"message","id":"i","type":"item_reference"})"})
    EXPECT_EQ(items(item), "input=i") << item;
  for (const char* whole : {R"({"role":"user","content":"x","id":"i"})", R"({"type":"message","id":"i","content":[]})",
                            R"({"type":"reasoning","id":"i","encrypted_content":"E"})",
                            R"({"type":"reasoning","id":"rs_req_01_0","summary":[]})",
                            R"({"type":"image_generation_call","id":"i","result":"aGk="})", R"({"type":"reasoning"})"})
    EXPECT_EQ(items(whole), "") << whole;
}

TEST(References, Of_a_member_that_is_there_twice_are_both) {
  for (const char* body :
       {R"({"conversation":{"id":"a","id":"b"}})", R"({"tools":[{"container":{"id":"a","id":"b"}}]})"}) {
    const std::string both = ids_named_by(DialectId::openai_responses, body);
    EXPECT_TRUE(both.contains("=a ") && both.ends_with("=b")) << both;
  }
  EXPECT_EQ(ids_named_by(DialectId::openai_chat, R"({"messages":[{"audio":{"id":"a","id":"b"}}]})"), "audio=a audio=b");
  for (const char* item : {R"({"id":"i","content":"x","content":null})",
                           R"({"type":"reasoning","id":"i","encrypted_content":"E","encrypted_content":null})",
                           R"({"type":"image_generation_call","id":"i","result":"aGk=","result":""})",
                           R"({"type":"reasoning","id":"rs_req_01_0","id":"i","summary":[]})",
                           R"({"type":"message","type":"reasoning","id":"i"})"})
    EXPECT_TRUE(
        ids_named_by(DialectId::openai_responses, R"({"input":[)" + std::string(item) + "]}").ends_with("input=i"))
        << item;
}

TEST(References, Of_a_conversation_are_its_items) {
  EXPECT_EQ(ids_named_by(DialectId::openai_resources,
                         R"({"items":[{"type":"item_reference","id":"a"},{"role":"user","content":"x"},{"id":"b"}]})"),
            "items=a items=b");
  EXPECT_EQ(ids_named_by(DialectId::anthropic_resources, R"({"items":[{"id":"b"}]})"), "");
}

TEST(References, Of_a_batch_are_those_of_its_lines) {
  const auto named = [](std::string_view lines) {
    const auto found = references_of_batch(lines);
    std::string all;
    for (const Reference& one : *found) all += one.member + "=" + one.id + " ";
    return all;
  };
  EXPECT_EQ(named("{\"custom_id\":\"1\",\"url\":\"/v1/responses\",\"body\":{\"input\":[{\"id\":\"msg_1\"}]}}\n"
                  "\r\n"
                  "{\"url\":\"/v1/chat/completions\",\"body\":{\"messages\":[{\"file_id\":\"f\"}]}}\r\n"
                  "{\"body\":{\"metadata\":{\"file_id\":\"x\"},\"previous_response_id\":\"r\"}}"),
            "input=msg_1 file_id=f previous_response_id=r ");
  EXPECT_EQ(named(R"({"body":{"file_id":"a"},"body":{"messages":[{"audio":{"id":"b"}}],"input":[{"id":"c"}]}})"),
            "file_id=a audio=b input=c ");
  for (const char* odd : {"no JSON", "\xef\xbb\xbf{\"body\":{}}", "{\"body\":{\"t\":NaN}}", "{}\r{}", "[]"})
    EXPECT_FALSE(references_of_batch(odd)) << odd;
  std::string many;
  for (std::size_t i = 0; i < most_batch_references; ++i)
    many += R"({"body":{"file_id":"f)" + std::to_string(i) + "\"}}\n";
  EXPECT_EQ(references_of_batch(many + many)->size(), most_batch_references) << "each is told once";
  EXPECT_EQ(references_of_batch(many + R"({"body":{"file_id":"g"}})").error().code, "batch_references");
}

TEST(References, To_a_file_at_Google_stand_in_parts) {
  const auto of_part = [](const std::string& part) {
    return ids_named_by(DialectId::gemini, R"({"contents":[{"parts":[)" + part + "]}]}");
  };
  for (const char* uri :
       {"https://generativelanguage.googleapis.com/v1beta/files/abc", "files/abc", "abc",
        "HTTPS://GenerativeLanguage.googleapis.com/v1beta/files/abc?alt=media", "http://127.0.0.1:1/v1beta/files/abc",
        "https://x@generativelanguage.googleapis.com:443/v9/%66iles/abc/",
        "https://a.example/v1alpha/files/abc:download"}) {
    EXPECT_EQ(of_part(R"({"fileData":{"fileUri":")" + std::string(uri) + R"("}})"), "fileUri=abc") << uri;
    EXPECT_EQ(of_part(R"({"file_data":{"file_uri":")" + std::string(uri) + R"("}})"), "file_uri=abc") << uri;
  }
  for (const char* other : {"https://youtu.be/x", "gs://bucket/files/x", "https://a.example/files/report.pdf",
                            "https://a.example/api/v1/files/report.pdf", "gs://b/v1beta/files/d.pdf", ""})
    EXPECT_EQ(of_part(R"({"fileData":{"fileUri":")" + std::string(other) + R"("}})"), "") << other;
  EXPECT_EQ(of_part(R"({"functionResponse":{"response":{"fileData":{"fileUri":"files/x"}},"parts":[{"fileData":)"
                    R"({"fileUri":"files/f"}}]}})"),
            "fileUri=f");
  EXPECT_EQ(of_part(R"({"functionCall":{"args":{"fileData":{"fileUri":"files/x"}}}})"), "");
  constexpr std::string_view file = R"({"parts":{"fileData":{"fileUri":"files/f"}}})";
  for (const std::string place : {"contents", "content", "systemInstruction", "system_instruction"})
    for (const DialectId dialect : {DialectId::gemini, DialectId::gemini_count_tokens, DialectId::gemini_embed,
                                    DialectId::gemini_batch_embed, DialectId::gemini_resources}) {
      std::string request = "{\"" + place + "\":";
      request.append(file).append("}");
      EXPECT_EQ(ids_named_by(dialect, request), "fileUri=f") << place;
      EXPECT_EQ(ids_named_by(dialect, R"({"generateContentRequest":)" + request + "}"), "fileUri=f") << place;
      EXPECT_EQ(ids_named_by(dialect, R"({"requests":[)" + request + "]}"), "fileUri=f") << place;
    }
}

TEST(References, Of_a_body_that_calls_itself_a_tool_are_found_all_the_same) {
  constexpr std::string_view body = R"({"type":"tool_use","input":[{"content":[{"file_id":"file-1"}]}]})";
  EXPECT_EQ(ids_named_by(DialectId::openai_responses, body), "file_id=file-1");
  EXPECT_EQ(ids_named_by(DialectId::anthropic_messages, body), "file_id=file-1");
}

TEST(References, To_a_store_of_files_at_Google_stand_in_its_tool) {
  const auto of_tools = [](const std::string& tools) {
    return ids_named_by(DialectId::gemini, R"({"contents":[],"tools":)" + tools + "}");
  };
  EXPECT_EQ(of_tools(R"([{"fileSearch":{"fileSearchStoreNames":["fileSearchStores/a","fileSearchStores/b"]}}])"),
            "fileSearchStoreNames=fileSearchStores/a fileSearchStoreNames=fileSearchStores/b");
  EXPECT_EQ(
      of_tools(R"({"file_search":{"file_search_store_names":["fil\u0065SearchStores/a"],"metadata_filter":"f"}})"),
      "file_search_store_names=fileSearchStores/a");
  EXPECT_EQ(of_tools(R"([{"fileSearch":{"fileSearchStoreNames":"fileSearchStores/a"}}])"),
            "fileSearchStoreNames=fileSearchStores/a");
  EXPECT_EQ(of_tools(R"([{"functionDeclarations":[{"name":"fileSearch","description":"of fileSearchStores/a"}]}])"),
            "");
}

TEST(References, To_a_cache_stand_in_one_place) {
  EXPECT_EQ(ids_named_by(DialectId::gemini, R"({"contents":[],"cachedContent":"cachedContents/c1"})"),
            "cachedContent=c1");
  EXPECT_EQ(ids_named_by(DialectId::gemini, R"({"c\u0061ched_content":"cachedContents/c1"})"), "cached_content=c1");
  EXPECT_EQ(ids_named_by(DialectId::gemini_count_tokens,
                         R"({"generateContentRequest":{"cachedContent":"cachedContents/c1"}})"),
            "cachedContent=c1");
  // What is no name here is nobody's, and is looked up as it stands.
  for (const char* name : {"projects/p/locations/l/cachedContents/c1", "c1/../c2", "cachedContents/"})
    EXPECT_EQ(ids_named_by(DialectId::gemini, R"({"cachedContent":")" + std::string(name) + R"("})"),
              "cachedContent=" + std::string(name));
  EXPECT_EQ(
      ids_named_by(DialectId::gemini,
                   R"({"contents":[{"parts":[{"functionCall":{"args":{"cachedContent":"cachedContents/c1"}}}]}]})"),
      "");
  constexpr std::string_view twice = R"({"cachedContent":"cachedContents/c1","cachedContent":"cachedContents/c2"})";
  const auto parsed = json::Document::parse(twice);
  EXPECT_EQ(references(DialectId::gemini, twice, *parsed).error().kind, ErrorKind::invalid_request);
}

TEST(References, Are_bounded) {
  std::string body = R"({"file_ids":[)";
  for (std::size_t i = 0; i <= most_references; ++i) body += (i ? ",\"f" : "\"f") + std::to_string(i) + "\"";
  body += "]}";
  const auto parsed = json::Document::parse(body);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(references(DialectId::openai_responses, body, *parsed).error().kind, ErrorKind::invalid_request);
}

// Each of 300,000 would be looked for among a thousand.
TEST(References, Are_many_times_the_same_ones) {
  std::string body = R"({"file_ids":["f0")";
  for (std::size_t i = 1; i < most_references; ++i) body += ",\"f" + std::to_string(i) + "\"";
  const std::string last = ",\"f" + std::to_string(most_references - 1) + "\"";
  for (int i = 0; i < 300'000; ++i) body += last;
  body += "]}";
  const auto parsed = json::Document::parse(body);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(references(DialectId::openai_responses, body, *parsed)->size(), most_references);
}

TEST(KeptByCall, Is_what_was_made_and_what_came_of_it) {
  const auto kept = [](const ResourceCall& call, std::string_view answer) {
    const auto parsed = json::Document::parse(answer);
    return kept_by_call(call, parsed->root());
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(kept(*openai_resource_call("POST", "/files"), R"({"id":"file-1"})"), Ids{"file-1"});
  EXPECT_EQ(kept(*openai_resource_call("GET", "/files/file-1"), R"({"id":"file-1"})"), Ids{});
  EXPECT_EQ(kept(*openai_resource_call("GET", "/batches/b"), R"({"output_file_id":"o","error_file_id":null})"),
            Ids{"o"});
  EXPECT_EQ(kept(*openai_resource_call("POST", "/uploads/u/complete"), R"({"id":"u","file":{"id":"file-1"}})"),
            Ids{"file-1"});
  EXPECT_EQ(kept(*openai_resource_call("GET", "/fine_tuning/jobs/j"), R"({"result_files":["r"]})"), Ids{"r"});
  EXPECT_EQ(kept(*openai_resource_call("GET", "/batches"), R"({"output_file_id":"another's"})"), Ids{});
}

TEST(FineTunedModels, Are_known_by_their_names_and_by_the_jobs_that_made_them) {
  EXPECT_EQ(fine_tuned_name("openai/ft:gpt-4.1:org::1"), "ft:gpt-4.1:org::1");
  EXPECT_EQ(fine_tuned_name("ft:m"), "ft:m");
  for (const char* other : {"", "gpt-5.4", "openai/gpt-5.4", "openai/draft:m"}) EXPECT_EQ(fine_tuned_name(other), "");
  const auto made = [](const char* path, std::string_view answer) {
    const auto parsed = json::Document::parse(answer);
    return models_made(*openai_resource_call("GET", path), parsed->root());
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(made("/fine_tuning/jobs/j", R"({"model":"m","fine_tuned_model":"ft:1"})"), Names{"ft:1"});
  EXPECT_EQ(made("/fine_tuning/jobs/j", R"({"model":"m","fine_tuned_model":null})"), Names{});
  EXPECT_EQ(made("/fine_tuning/jobs/j/checkpoints", R"({"data":[{"fine_tuned_model_checkpoint":"ft:1:step"}]})"),
            Names{"ft:1:step"});
  EXPECT_EQ(made("/files/f", R"({"fine_tuned_model":"ft:1"})"), Names{});
}

TEST(References, Of_a_batch_have_the_fine_tuned_models_once_each) {
  const auto found = references_of_batch(R"({"body":{"model":"ft:b"}}
{"body":{"model":"gpt-5.4","model":"ft:a"}}
{"body":{"model":"ft:b","messages":[]}})");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].member, model_member);
  EXPECT_EQ((*found)[0].id + (*found)[1].id, "ft:bft:a");
}

TEST(GoogleFiles, Are_uploaded_looked_at_downloaded_and_deleted) {
  const auto upload = gemini_upload_call("POST", "/files");
  ASSERT_TRUE(upload);
  EXPECT_TRUE(upload->is_upload && upload->is_free);
  EXPECT_TRUE(gemini_upload_call("PUT", "/files"));
  EXPECT_FALSE(gemini_upload_call("GET", "/files"));
  for (const char* path : {"", "/", "/files/a", "/cachedContents", "/models/m"})
    EXPECT_FALSE(gemini_upload_call("POST", path)) << path;
  EXPECT_TRUE(gemini_resource_call("GET", "/files")->is_list());
  EXPECT_EQ(gemini_resource_call("GET", "/files/a-1")->id, "a-1");
  EXPECT_TRUE(gemini_resource_call("DELETE", "/files/a")->is_delete());
  const auto download = gemini_resource_call("GET", "/files/a:download");
  EXPECT_TRUE(download->gives_bytes);
  EXPECT_EQ(download->id, "a");
  for (const char* path : {"/files/", "/files/a/b", "/files/..", "/files/a:other", "/filesx", "/files/:download"})
    EXPECT_FALSE(gemini_resource_call("GET", path)) << path;
  for (const char* method : {"POST", "PATCH", "PUT"}) EXPECT_FALSE(gemini_resource_call(method, "/files/a")) << method;
  EXPECT_FALSE(gemini_resource_call("DELETE", "/files"));

  const auto last =
      json::Document::parse(R"({"file":{"name":"files/abc","expirationTime":"1970-01-03T00:00:00.123456Z"}})");
  EXPECT_EQ(kept_by_call(*upload, last->root()), std::vector<std::string>{"abc"});
  constexpr std::int64_t two_days_and_an_hour_us = 49LL * 3'600'000'000;
  EXPECT_EQ(kept_until_us(*upload, last->root()), two_days_and_an_hour_us);
  const auto begun = json::Document::parse("{}");
  EXPECT_TRUE(kept_by_call(*upload, begun->root()).empty());
}

TEST(ResultsHere, Are_a_path_of_this_server_and_all_else_stays) {
  const auto here = [](std::string answer) {
    return with_results_here(DialectId::anthropic_resources, std::move(answer));
  };
  EXPECT_EQ(here(R"({"id":"b", "results_url": "https://api.anthropic.com/v1/messages/batches/b/results"})"),
            R"({"id":"b", "results_url": "/v1/messages/batches/b/results"})");
  EXPECT_EQ(here(R"({"data":[{"results_url":"https://a/x/v1/messages/batches/b/results"},{"results_url":null},)"
                 R"({"results_url":"http://a/v1/messages/batches/c/results"}],"has_more":false})"),
            R"({"data":[{"results_url":"/v1/messages/batches/b/results"},{"results_url":null},)"
            R"({"results_url":"/v1/messages/batches/c/results"}],"has_more":false})");
  for (const std::string same :
       {R"({"results_url":"https://a/elsewhere"})", R"({"results_url":"https://a/v1/messages/batches/)",
        R"({"results_url":7,"data":{"results_url":"x"}})", R"(["results_url"])"})
    EXPECT_EQ(here(same), same);
  const std::string openai = R"({"results_url":"https://a/v1/messages/batches/b/results"})";
  EXPECT_EQ(with_results_here(DialectId::openai_resources, openai), openai);
}

TEST(KeptByCall, Knows_when_google_forgets_a_cache) {
  const auto made = *gemini_resource_call("POST", "/cachedContents");
  const auto parsed = [](std::string_view answer) { return json::Document::parse(answer); };
  const auto answer =
      parsed(R"({"name":"projects/1/locations/l/cachedContents/c1","expireTime":"2026-11-27T23:05:00.9Z"})");
  EXPECT_EQ(kept_by_call(made, answer->root()), std::vector<std::string>{"c1"});
  constexpr std::int64_t an_hour_later_us = 1'795'824'300'000'000;  // 2026-11-28T00:05:00Z
  EXPECT_EQ(kept_until_us(made, answer->root()), an_hour_later_us);
  EXPECT_TRUE(kept_by_call(*gemini_resource_call("GET", "/cachedContents/c1"), answer->root()).empty());
  for (const char* odd : {R"({})", R"({"expireTime":"tomorrow"})", R"({"expireTime":"2026-13-27T23:05:00Z"})",
                          R"({"expireTime":"2026-11-27T23:05:00+01:00"})", R"({"expireTime":7})"})
    EXPECT_FALSE(kept_until_us(made, parsed(odd)->root())) << odd;
  EXPECT_FALSE(kept_until_us(*openai_resource_call("POST", "/files"), answer->root()));
}

TEST(NamesHere, Have_no_account_and_a_model_that_can_be_asked_for) {
  const auto here = [](std::string answer) {
    return with_names_here(*gemini_resource_call("GET", "/cachedContents"), "vertex", std::move(answer));
  };
  EXPECT_EQ(here(R"({ "name":"projects/1/locations/l/cachedContents/c1", "n":{"name":"x"}, )"
                 R"("model":"projects/p/locations/l/publishers/google/models/gemini-3"})"),
            R"({ "name":"cachedContents/c1", "n":{"name":"x"}, "model":"models/vertex/gemini-3"})");
  EXPECT_EQ(here(R"({"cachedContents":[{"model":"models/m","name":"cachedContents/c1"},{}],"nextPageToken":"t"})"),
            R"({"cachedContents":[{"model":"models/vertex/m","name":"cachedContents/c1"},{}],"nextPageToken":"t"})");
  for (const std::string same : {R"({})", R"({"name":7,"model":null})", "no JSON", R"({"cachedContents":7})"})
    EXPECT_EQ(here(same), same);
  const std::string file = R"({"name":"projects/1/cachedContents/c1"})";
  EXPECT_EQ(with_names_here(*openai_resource_call("GET", "/files/f"), "openai", file), file);
  EXPECT_EQ(with_names_here(*gemini_resource_call("GET", "/files/f"), "gemini", file), file);
}

TEST(NamesThere, Have_the_account_where_there_is_one) {
  const auto dialect = make_gemini_resources();
  constexpr std::string_view body = R"({ "model" : "models/vertex/gemini-3", "ttl":"3600s" })";
  const auto parsed = json::Document::parse(body);
  const RequestTarget target{.resource = gemini_resource_call("POST", "/cachedContents")};
  const auto outline = dialect->outline(body, *parsed, target);
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->model, "vertex/gemini-3");
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "gemini-3", .account = "projects/p/locations/l"}),
            R"({ "model" : "projects/p/locations/l/publishers/google/models/gemini-3", "ttl":"3600s" })");
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "gemini-3"}), R"({ "model" : "models/gemini-3", "ttl":"3600s" })");
  for (const std::string_view nameless : {R"({"contents":[]})", R"({"model":7})", R"({"model":""})"}) {
    const auto without = json::Document::parse(nameless);
    EXPECT_EQ(dialect->outline(nameless, *without, target).error().param, "model") << nameless;
  }
}

TEST(References, Of_a_batch_of_google_are_those_of_its_requests_and_its_file) {
  const auto of = [](std::string_view batch) { return ids_named_by(DialectId::gemini_resources, batch); };
  EXPECT_EQ(of(R"({"batch":{"inputConfig":{"fileName":"files/f1"}}})"), "fileName=f1 fileName=requests-in:f1");
  EXPECT_EQ(of(R"({"batch":{"input_config":{"file_name":"files/f1"}}})"), "file_name=f1 file_name=requests-in:f1");
  EXPECT_EQ(
      of(R"({"batch":{"inputConfig":{"requests":{"requests":[)"
         R"({"request":{"cachedContent":"cachedContents/c1"}},)"
         R"({"request":{"cachedContent":"cachedContents/c2",)"
         R"("contents":[{"parts":[{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f2"}}]}]}},)"
         R"({"metadata":{"cachedContent":"x"},"request":{"content":{"parts":[{"file_data":{"file_uri":"files/f3"}}]}}}]}}}})"),
      "cachedContent=c1 cachedContent=c2 fileUri=f2 file_uri=f3");
  EXPECT_EQ(of(R"({"batch":{"displayName":"fileName"}})"), "");
}

TEST(References, Of_a_file_of_requests_for_google_are_those_of_its_lines) {
  const auto found = references_of_google_batch(R"({"key":"1","request":{"cachedContent":"cachedContents/c1"}}

{"cached_content":"c2","key":"2"}
{"key":"3","request":{"contents":{"parts":{"fileData":{"fileUri":"files/f1"}}}}})");
  ASSERT_TRUE(found);
  std::string all;
  for (const Reference& one : *found) all += one.id + " ";
  EXPECT_EQ(all, "c1 c2 f1 ");
  EXPECT_FALSE(references_of_google_batch("It was a bright cold day"));
  EXPECT_FALSE(references_of_google_batch("{}\n[1]"));
}

TEST(KeptByCall, Notes_a_batch_of_google_and_its_results) {
  const auto kept = [](const ResourceCall& call, std::string_view answer) {
    return kept_by_call(call, json::Document::parse(answer)->root());
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(
      kept(*gemini_batch_call("batchGenerateContent"), R"({"name":"batches/b1","metadata":{"model":"models/m"}})"),
      Ids{"b1"});
  constexpr std::string_view done = R"({"name":"batches/b1","metadata":{"output":{"responsesFile":"files/batch-b1"}}})";
  EXPECT_EQ(kept(*gemini_resource_call("GET", "/batches/b1"), done), Ids{"batch-b1"});
  EXPECT_EQ(kept(*gemini_resource_call("GET", "/batches"),
                 R"({"operations":[{"name":"batches/b1","response":{"responsesFile":"files/batch-b1"}},{}]})"),
            Ids{"batch-b1"});
  EXPECT_EQ(kept(*gemini_resource_call("DELETE", "/batches/b1"), "{}"), Ids{});
}

TEST(NamesHere, Of_a_batch_of_google_are_in_its_metadata) {
  const auto here = [](std::string answer) {
    return with_names_here(*gemini_resource_call("GET", "/batches"), "gemini", std::move(answer));
  };
  EXPECT_EQ(here(R"( {"name":"batches/b1","metadata":{"model":"models/m","n":{"model":"x"}}} )"),
            R"( {"name":"batches/b1","metadata":{"model":"models/gemini/m","n":{"model":"x"}}} )");
  EXPECT_EQ(here(R"({"operations":[{"metadata":{"model":"models/m"}},{"metadata":7},{}],"nextPageToken":"t"})"),
            R"({"operations":[{"metadata":{"model":"models/gemini/m"}},{"metadata":7},{}],"nextPageToken":"t"})");
  const std::string openai = R"({"id":"batch_1","metadata":{"model":"mine"}})";
  EXPECT_EQ(with_names_here(*openai_resource_call("GET", "/batches/batch_1"), "openai", openai), openai);
}

TEST(NamesThere, Of_a_batch_are_its_models_or_none) {
  const auto dialect = make_gemini_resources();
  const auto sent = [&](std::string_view body) -> std::string {
    const RequestTarget target{.model = "gemini/gemini-3", .resource = gemini_batch_call("batchGenerateContent")};
    const auto parsed = json::Document::parse(body);
    const auto outline = dialect->outline(body, *parsed, target);
    if (!outline) return outline.error().param;
    EXPECT_EQ(outline->model, "gemini/gemini-3");
    return dialect->edit(body, *outline, {.model = "gemini-3-001"});
  };
  for (const std::string same :
       {R"({"batch":{"inputConfig":{"requests":{"requests":[{"request":{"contents":[]}}]}}}})", R"({})"})
    EXPECT_EQ(sent(same), same);
  EXPECT_EQ(sent(R"({"batch":{ "model":"models/gemini/gemini-3", "inputConfig":{"requests":{"requests":[)"
                 R"({"request":{"model": "models/gemini-3"}},{"request":{}}]}}}})"),
            R"({"batch":{ "model":"models/gemini-3-001", "inputConfig":{"requests":{"requests":[)"
            R"({"request":{"model": "models/gemini-3-001"}},{"request":{}}]}}}})");
  for (const char* other : {R"("models/gemini-2")", R"("")", "7"})
    EXPECT_EQ(sent(R"({"batch":{"input_config":{"requests":{"requests":[{"request":{"model":)" + std::string(other) +
                   "}}]}}}}"),
              "batch.inputConfig.requests")
        << other;
  EXPECT_EQ(sent(R"({"batch":{"inputConfig":{},"input_config":{}}})"), "inputConfig");
}

TEST(Streams, Of_a_response_that_is_read_on_have_it_whole_at_their_end) {
  const auto watcher = make_openai_resources()->watch_stream(false);
  watcher->see("response.created", R"({"response":{"id":"resp_1","status":"in_progress"}})");
  EXPECT_EQ(watcher->whole(), "");
  watcher->see("response.completed", R"({"response":{"id":"resp_1","status":"completed"}})");
  EXPECT_EQ(watcher->whole(), R"({"id":"resp_1","status":"completed"})");
}

}  // namespace
}  // namespace sluice::dialects
