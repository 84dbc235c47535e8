"""Begins a known vendor: its data file and a golden case. Usage: ./dev new-provider NAME BASE_URL [--key-env VARIABLE] ...

Nothing that is there is overwritten. What is written is a beginning: the case's answer is made up until you put one of the
vendor's own in its place.
"""
import argparse
import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

# Dialect of the vendor -> the golden folder in which a client of another dialect meets it.
CASES = {"openai_chat": "anthropic_messages__openai_chat", "anthropic_messages": "openai_chat__anthropic_messages"}
QUESTION = {
    "anthropic_messages": {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "Say hello."}]},
    "openai_chat": {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "Say hello."}]}}
ANSWER = {
    "openai_chat": {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "provider-model",
                    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}},
    "anthropic_messages": {"id": "msg_1", "type": "message", "role": "assistant", "model": "provider-model",
                           "content": [{"type": "text", "text": "Hello."}], "stop_reason": "end_turn", "stop_sequence": None,
                           "usage": {"input_tokens": 9, "output_tokens": 3}}}


def refuse(words, hint):
    sys.exit(f"new-provider: {words}\n  {hint}")


def checked(options):
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", options.name):
        refuse(f"`{options.name}` is no name", "small letters, digits and `-`, at most 32, a letter first: it becomes NAME/model")
    url = urlsplit(options.base_url)
    if "@" in url.netloc:
        refuse("a base URL has no user and no password", "the key comes from the environment: --key-env VARIABLE")
    if url.scheme not in ("https", "http") or not url.netloc or url.query or url.fragment:
        refuse(f"`{options.base_url}` is no base URL", "give what stands before /chat/completions: https://api.example.com/v1")
    if url.scheme == "http" and url.hostname not in ("127.0.0.1", "localhost"):
        refuse("a vendor is called over TLS", "give an https:// URL; http:// is for engines on this machine")
    options.key_env = options.key_env or re.sub(r"\W", "_", options.name).upper() + "_API_KEY"
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", options.key_env):
        refuse(f"`{options.key_env}` is no environment variable's name", "capital letters, digits and `_`")
    return options


def files(options):
    """Path -> text of what is to be written."""
    # JSON's quotes are YAML's too: a title may have a colon, a number sign, or look like a number.
    lines = [f"name: {json.dumps(options.title or options.name.capitalize(), ensure_ascii=False)}", f"dialect: {options.dialect}",
             f"base_url: {options.base_url.rstrip('/')}", f"ground: {options.ground}",
             f"auth: {'x_api_key' if options.dialect == 'anthropic_messages' else 'bearer'}", f"key_env: [{options.key_env}]"]
    if options.docs:
        lines.append(f"docs: {options.docs}")
    folder = CASES[options.dialect]
    case = f"tests/golden/{folder}/{options.name.replace('-', '_')}_text"
    return {f"data/providers/{options.name}.yaml": "\n".join(lines) + "\n",
            f"{case}/client.json": json.dumps(QUESTION[folder.split("__")[0]]) + "\n",
            f"{case}/provider.json": json.dumps(ANSWER[options.dialect], indent=2) + "\n"}


def main():
    parser = argparse.ArgumentParser(prog="./dev new-provider", description=__doc__.splitlines()[0])
    parser.add_argument("name", help="as clients will write it before the slash")
    parser.add_argument("base_url", help="what stands before /chat/completions (or /messages)")
    parser.add_argument("--key-env", help="the variable that holds its key; NAME_API_KEY unless told")
    parser.add_argument("--title", help="its name for people")
    parser.add_argument("--dialect", choices=sorted(CASES), default="openai_chat")
    parser.add_argument("--ground", choices=("hosted_open", "proprietary", "self_hosted"), default="proprietary",
                        help="hosted_open only when it serves open weights and nothing else")
    parser.add_argument("--docs", help="its API's documentation")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help=argparse.SUPPRESS)
    options = checked(parser.parse_args())
    wanted = files(options)
    for path in wanted:
        if (options.root / path).exists():
            refuse(f"{path} is there already", "edit it, or choose another name")
    for path, text in wanted.items():
        (options.root / path).parent.mkdir(parents=True, exist_ok=True)
        (options.root / path).write_text(text)
        print(f"wrote {path}")
    answer = [path for path in wanted if path.endswith("provider.json")][0]
    print(f"""next:
  1. put an answer of the vendor's in {answer}
  2. ./dev golden --update, and read what it says that a client gets
  3. models and prices, each with source and date: data/models/{options.name}.yaml, data/prices/{options.name}.yaml
  4. ./dev test catalog config golden; then: export {options.key_env}=... and ./dev serve""")


if __name__ == "__main__":
    main()
