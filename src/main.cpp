// The program: everything it can do is a verb of the command line.
#include "cli/cli.h"

int main(int argc, char** argv) { return sluice::cli::run(argc, argv); }
