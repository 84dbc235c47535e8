#include "http/trace_context.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TraceContext of(std::initializer_list<Field> fields) { return trace_context({fields.begin(), fields.size()}); }

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, Hands_on_what_is_valid_as_it_is) {
  const TraceContext context = of({{"Traceparent", good}, {"tracestate", "rojo=00f067aa0ba902b7, t1@v=a b"}});
  EXPECT_EQ(context.traceparent, good);
  EXPECT_EQ(context.tracestate, "rojo=00f067aa0ba902b7, t1@v=a b");
  EXPECT_EQ(of({{"traceparent", "cc" + good.substr(2) + "-more"}}).traceparent, "cc" + good.substr(2) + "-more");
}

TEST(TraceContext, Says_nothing_of_an_invalid_trace) {
  std::string zero_trace = good;
  zero_trace.replace(3, 32, 32, '0');
  std::string zero_parent = good;
  zero_parent.replace(36, 16, 16, '0');
  std::string capital = good;
  capital[4] = 'B';
  std::string dots = good;
  dots[35] = '.';
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "-00", good + "0", "ff" + good.substr(2), zero_trace, zero_parent,
        capital, dots, "cc" + good.substr(2) + "x", "cc" + good.substr(2) + "-" + std::string(512, 'a')}) {
    const TraceContext context = of({{"traceparent", bad}, {"tracestate", "a=b"}});
    EXPECT_EQ(context.traceparent, "") << bad;
    EXPECT_EQ(context.tracestate, "") << bad;
  }
  EXPECT_EQ(of({{"traceparent", good}, {"traceparent", good}}).traceparent, "");
  EXPECT_EQ(of({{"tracestate", "a=b"}}).tracestate, "");
}

TEST(TraceContext, Leaves_out_a_state_that_is_broken_or_too_long) {
  std::string many;
  for (int i = 0; i < 33; ++i) many += "k" + std::to_string(i) + "=v,";
  for (const std::string& bad :
       {std::string("a"), std::string("=b"), std::string("A=b"), std::string("a="), std::string("a=b=c"),
        std::string("a=\xC3\xA4"), std::string(","), many, "a=" + std::string(257, 'b'),
        "a=" + std::string(250, 'b') + ",b=" + std::string(250, 'b') + ",c=0123456789"}) {
    const TraceContext context = of({{"traceparent", good}, {"tracestate", bad}});
    EXPECT_EQ(context.traceparent, good);
    EXPECT_EQ(context.tracestate, "") << bad;
  }
}

TEST(TraceContext, Several_fields_are_one_list) {
  EXPECT_EQ(of({{"traceparent", good}, {"tracestate", "a=1"}, {"tracestate", "b=2"}}).tracestate, "a=1,b=2");
  const std::string half(250, 'x');
  EXPECT_EQ(
      of({{"traceparent", good}, {"tracestate", "a=" + half}, {"tracestate", "b=" + half + ",c=123456789"}}).tracestate,
      "");
}

}  // namespace
}  // namespace sluice::http
