#include "dialects/openai_responses/openai_responses.h"

#include <gtest/gtest.h>
