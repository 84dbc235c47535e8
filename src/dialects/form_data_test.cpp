#include "dialects/form_data.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

constexpr std::string_view type = "multipart/form-data; boundary=b";

std::string form(std::string_view text) {
  std::string crlf;
  for (const char c : text) crlf.append(c == '\n' ? "\r\n" : std::string(1, c));
  return crlf;
}

std::string names_of(std::string_view body, std::string_view content_type = type) {
  const auto fields = read_form(body, content_type);
  if (!fields) return fields.error().message;
  std::string all;
  for (const FormField& field : *fields)
    all.append(field.name)
        .append(field.file ? "(file)=" : "=")
        .append(body.substr(field.value.begin, field.value.end - field.value.begin))
        .append(";");
  return all;
}

TEST(FormData, Fields_and_files_are_found_where_they_stand) {
  EXPECT_EQ(names_of(form(
                "--b\nContent-Disposition: form-data; name=\"model\"\n\nwhisper\n"
                "--b\nContent-Type: audio/wav\ncontent-disposition:form-data; filename=\"a;\\\"b.wav\"; name=file\n\n"
                "RIFF\n--c\n\n"
                "--b\nContent-Disposition: form-data; name=\"empty\"\n\n\n--b--\n")),
            "model=whisper;file(file)=RIFF\r\n--c\r\n;empty=;");
  EXPECT_EQ(names_of(form("--b--\n")), "");
  EXPECT_EQ(names_of(form("\n--x y--"), "Multipart/Form-Data ; charset=utf-8; Boundary=\"x y\""), "");
}

TEST(FormData, What_two_parsers_could_read_in_two_ways_is_refused) {
  const std::string prefix = "the form cannot be read: ";
  EXPECT_EQ(names_of("{}"), prefix + "it does not begin with its boundary");
  EXPECT_EQ(names_of("--b", "multipart/form-data"), prefix + "its content type has no boundary of 1 to 70 characters");
  EXPECT_EQ(names_of("--b", "multipart/form-data; boundary=b; boundary=c"),
            prefix + "its content type has two boundaries");
  EXPECT_EQ(names_of(form("--bx\n")), prefix + "a boundary is followed by something else than a line end");
  EXPECT_EQ(names_of(form("--b\nContent-Disposition: form-data; name=a\n\nx")), prefix + "it has no end");
  EXPECT_EQ(names_of(form("--b\nContent-Disposition: form-data; name=a\n\n--b--")),
            prefix + "a field has no empty line behind its head");
  EXPECT_EQ(names_of(form("--b\nContent-Disposition: form-data; name=a; name=c\n\nx\n--b--")),
            prefix + "a field has two names");
  EXPECT_EQ(names_of(form("--b\nContent-Type: text/plain\n\nx\n--b--")), prefix + "a field has no content-disposition");
  EXPECT_EQ(names_of(form("--b\nContent-Disposition: form-data\n\nx\n--b--")), prefix + "a field has no name");
  EXPECT_EQ(names_of("--b\r\nx: " + std::string(9'000, 'x') + "\r\n\r\n--b--"),
            prefix + "the head of a field has no end");
  std::string many;
  for (int i = 0; i < 513; ++i) many += form("--b\nContent-Disposition: form-data; name=a\n\nx\n");
  EXPECT_EQ(names_of(many + "--b--"), prefix + "it has more than 512 fields");
}

TEST(FormData, A_field_is_found_once) {
  const std::string body = form(
      "--b\nContent-Disposition: form-data; name=a\n\n1\n--b\nContent-Disposition: form-data; name=model; "
      "filename=f\n\n2\n"
      "--b\nContent-Disposition: form-data; name=a\n\n3\n--b--");
  const auto fields = read_form(body, type);
  ASSERT_TRUE(fields);
  EXPECT_EQ(find_field(*fields, "a").error().param, "a");
  EXPECT_EQ(*find_field(*fields, "model"), nullptr) << "a file is no field";
}

TEST(FormData, A_field_can_be_put_in_front) {
  EXPECT_EQ(names_of(form_field(type, "model", "m") + form("--b\nContent-Disposition: form-data; name=a\n\n1\n--b--")),
            "model=m;a=1;");
}

}  // namespace
}  // namespace sluice::dialects
