"""Brings data/models and data/prices up to a snapshot of https://models.dev (MIT). Usage: tools/import_models_dev.py FILE [ROOT]

FILE is one JSON: `snapshot` (YYYY-MM-DD) and `models`, provider -> model -> what models.dev says of it. For each vendor of
VENDORS the newest models come in and the listed ones are brought up to date; a second run changes nothing. What people
wrote stays: files and rows with another source, and the keys KEPT and MANNERS of every row. A price that changed ends on the day of the
snapshot and a new row begins. What models.dev does not price, or prices at zero, is listed as unpriced: zero is a word of the
vendor's, never of a catalogue's. Models whose maker is not in MAKERS are left out, and told.
"""
import json
import re
import sys
from decimal import Decimal
from pathlib import Path

SOURCE = "https://models.dev"
NEWEST, EMBEDDINGS = 12, 3  # new models of a vendor: enough for what is current, few enough to read
KEPT = ("id", "aliases", "display_name", "developer", "licence", "licence_note", "open_weights", "ground", "retires", "benchmarks")
# What a model takes and refuses: people wrote it where its maker offers it.
MANNERS = ("refuses_prefill", "sampling", "efforts", "unasked_effort", "chat_tools_without_effort", "system_within")
NO_CHAT = re.compile(r"guard|rerank|safety|whisper|tts|ocr|imag|audio|voice|realtime|live|moderation|translate|detect|video|"
                     r"transcribe|search|deep-research|:free|-latest|customtools|asr|lyria|router|distill|nemoretriever|chatgpt|"
                     r"gliner|riva|-fast$|turbo$|thinking$|-tput|codex|(gpt-|o\d).*-pro|multi-agent|heretic|role-play")

# Sluice's name: models.dev's name, what else of its models is left out, what comes before a name where the vendor wants it.
VENDORS = {
    "alibaba": ("alibaba", "livetranslate|mt-|doc-|charact", ""), "anthropic": ("anthropic", "4-0|4-1|4-2025", ""),
    "baseten": ("baseten", "", ""),
    "cerebras": ("cerebras", "", ""), "chutes": ("chutes", "", ""), "cloudflare": ("cloudflare-workers-ai", "", ""),
    "cohere": ("cohere", "aya", ""), "databricks": ("databricks", "", ""), "deepinfra": ("deepinfra", "", ""),
    "deepseek": ("deepseek", "chat|reasoner", ""), "digitalocean": ("digitalocean", "", ""), "friendli": ("friendli", "", ""),
    "gemini": ("google", "", ""), "github": ("github-models", "", ""), "gmicloud": ("gmicloud", "", ""),
    "groq": ("groq", "", ""), "huggingface": ("huggingface", "", ""), "inception": ("inception", "edit", ""),
    "ionet": ("io-net", "", ""), "minimax": ("minimax", "", ""), "mistral": ("mistral", "", ""),
    "moonshot": ("moonshotai", "", ""), "nebius": ("nebius", "", ""), "nova": ("nova", "", ""), "novita": ("novita-ai", "", ""),
    "nvidia": ("nvidia", "", ""), "ollama-cloud": ("ollama-cloud", "", ""), "openai": ("openai", "", ""),
    "openrouter": ("openrouter", "~", ""), "ovhcloud": ("ovhcloud", "", ""), "perplexity": ("perplexity", "", ""),
    "poolside": ("poolside", "", ""), "scaleway": ("scaleway", "", ""), "siliconflow": ("siliconflow", "", ""),
    "snowflake": ("snowflake-cortex", "", ""), "stackit": ("stackit", "", ""), "stepfun": ("stepfun", "", ""),
    "together": ("togetherai", "pearl", ""), "upstage": ("upstage", "", ""), "venice": ("venice", "e2ee", ""),
    "vercel": ("vercel", "", ""), "vultr": ("vultr", "", ""),
    "wandb": ("wandb", "", ""), "xai": ("xai", "", ""), "xiaomi": ("xiaomi", "", ""), "zai": ("zai", "", ""),
}
FIRST = re.compile(r"(gpt-5\.4|gpt-oss-120b|claude-opus-4\.7|gemini-3\.1-pro|qwen3\.6-35b-a3b|llama-4-scout|deepseek-v4|gemma-4-31b|"
                   r"mistral-(large|medium|small)$|kimi-k2\.6|glm-5\.2|minimax-m3)")  # before newer ones
FROM_THRESHOLD = re.compile(r"gpt|grok")  # whose dearer tier starts at its number of tokens; others' starts above it

# Sluice's id (from its beginning): who made it, under which licence of data/licences.yaml, and where that is said or why it is
# `not stated`, which leaves the word on weights to models.dev.
UNREAD = "the maker's page of the model was not at hand"
MAKERS = [(re.compile(pattern), *facts) for pattern, *facts in (
    ("gpt-oss", "OpenAI", "Apache-2.0"), (r"text-(embedding-0|multilingual)", "Google", "proprietary"),
    ("gpt|o[134]($|-)|text-embedding-|codex", "OpenAI", "proprietary"), ("claude", "Anthropic", "proprietary"),
    ("gemma-4", "Google", "Apache-2.0"), ("gemma", "Google", "Gemma"), ("gemini", "Google", "proprietary"), ("muse", "Meta", "proprietary"),
    ("llama-4", "Meta", "Llama 4 Community"), ("llama-3.3", "Meta", "Llama 3.3 Community"), ("llama-3.2", "Meta", "Llama 3.2 Community"),
    ("llama-3.1", "Meta", "Llama 3.1 Community"), ("qwen2.5-72b", "Alibaba", "Qwen"),
    ("qwen3.8-27b", "Alibaba", "Apache-2.0", "https://huggingface.co/Qwen/Qwen3.8-27B/blob/main/LICENSE"),
    (r"qwen3\.[89].*\d+b", "Alibaba", "not stated", UNREAD),
    (r"(qwen|qwq).*(\d+b|next)", "Alibaba", "Apache-2.0"), ("qwen|qwq", "Alibaba", "proprietary"),
    ("deepseek", "DeepSeek", "MIT"),
    ("kimi-k3$", "Moonshot AI", "Kimi K3"), ("kimi-k3", "Moonshot AI", "not stated", UNREAD),
    ("kimi-k2", "Moonshot AI", "Modified MIT (Kimi)"),
    ("glm.*(turbo|flashx)", "Z.ai", "proprietary"), ("glm-5.3-flash", "Z.ai", "MIT"),
    ("glm-5.3$", "Z.ai", "GLM-5.3", "https://huggingface.co/zai-org/GLM-5.3/blob/main/LICENSE"), (r"glm-5\.[3-9]", "Z.ai", "not stated", UNREAD), ("glm", "Z.ai", "MIT"),
    (r"minimax-m2\.?[15]?$", "MiniMax", "Modified MIT (MiniMax)"), (r"minimax-m2\.7$", "MiniMax", "MiniMax M2.7"),
    (r"minimax-m3(\.1-flash)?$", "MiniMax", "MiniMax Community"), ("minimax-m2.5-highspeed", "MiniMax", "Modified MIT (MiniMax)"),
    ("minimax-m2.7-highspeed", "MiniMax", "MiniMax M2.7"),
    (r"minimax.*(highspeed|lightning|preview)", "MiniMax", "not stated", "a variant of MiniMax's own service; no weights go by this name"),
    ("minimax", "MiniMax", "not stated", UNREAD),
    ("mistral-large-4", "Mistral AI", "Mistral Large 4"), ("mistral-large-2411", "Mistral AI", "Mistral Research"),
    ("mistral-(large|small)$|mistral-small-250[36]|ministral|magistral-small|devstral-small|mistral-(nemo|small-3|7b)|pixtral-12b|voxtral",
     "Mistral AI", "Apache-2.0"), ("mistral-medium$|devstral$", "Mistral AI", "Modified MIT (Mistral)"),
    ("codestral|magistral-medium|mistral-medium|mistral-embed", "Mistral AI", "proprietary"),
    ("mistral|mixtral|devstral|pixtral", "Mistral AI", "not stated", UNREAD), ("grok", "xAI", "proprietary"),
    ("command-a-plus", "Cohere", "Apache-2.0", "https://news.creeta.com/en/command-a-plus-apache-2-open-source-2026/"),
    ("command-(a$|a-(03|reas|vis)|r)", "Cohere", "CC-BY-NC-4.0"), ("north-mini-code", "Cohere", "Apache-2.0"),
    ("embed-v", "Cohere", "proprietary"), ("command|north", "Cohere", "not stated", UNREAD),
    ("sonar", "Perplexity", "proprietary"), ("nova|titan", "Amazon", "proprietary"), ("nemotron", "NVIDIA", "NVIDIA Open Model"),
    ("phi-", "Microsoft", "MIT"), ("granite", "IBM", "Apache-2.0"), ("hermes", "Nous Research", "not stated", "built on weights of several makers"),
    ("step-[12]-", "StepFun", "proprietary"), ("step-3.5-flash", "StepFun", "Apache-2.0"),
    ("step-3.7-flash", "StepFun", "Apache-2.0", "https://huggingface.co/stepfun-ai/Step-3.7-Flash"), ("step-", "StepFun", "not stated", UNREAD),
    ("mimo-v2(-flash|.5)", "Xiaomi", "MIT"), ("mimo", "Xiaomi", "not stated", UNREAD),
    ("mercury", "Inception", "proprietary"), ("solar", "Upstage", "proprietary"), ("palmyra", "Writer", "proprietary"),
    ("jamba", "AI21 Labs", "not stated", UNREAD), ("laguna-xs", "Poolside", "Apache-2.0"), ("laguna-m", "Poolside", "proprietary"),
    ("l[i]ng-|ring-", "inclusionAI", "MIT"),
    ("seed-oss", "ByteDance", "Apache-2.0"), ("seed", "ByteDance", "proprietary"), ("lfm", "Liquid AI", "LFM Open"),
    ("rnj", "Essential AI", "Apache-2.0"), ("cogito", "Deep Cogito", "MIT"), ("trinity", "Arcee AI", "Apache-2.0"),
    ("hy3-preview", "Tencent", "Tencent Hy Community", "https://docs.clore.ai/guides/guides_v2-zh/yu-yan-mo-xing/hy3-preview"),
    ("compound", "Groq", "proprietary"), ("hy3|hunyuan", "Tencent", "not stated", UNREAD))]

# A host's name -> the id that the same weights have everywhere: the maker's name, without packaging.
RENAMES = [(re.compile(pattern), to) for pattern, to in (
    (r"^(amazon|anthropic|openai|google|meta|mistral|nvidia|qwen|zai|minimax|moonshot|moonshotai|xai|cohere)\.", ""),
    (r"^(databricks|openai|anthropic|alibaba|google|zai-org|zai|z-ai|xiaomi|cohere|snowflake|nvidia|meta|mistralai|ai21)-(?=[a-z])", ""),
    (r"(-v?\d+:\d+|@.*|-maas|-tee|-fp8|-bf16|-nvfp4|-dynamic|-instruct|-it|-versatile|-instant)+$", ""), (r"(?<=\d)[p_](?=\d)", "."),
    (r"^(claude|gemini)(.*)-(20\d{6}|preview)$", r"\1\2"), (r"^claude-([\d.]+)-([a-z]+)$", r"claude-\2-\1"),
    (r"^(claude-[a-z]+-\d|gpt-\d|gemini-\d|grok-\d|grok-build-\d|mimo-v\d|llama-?\d|kimi-k\d|glm-\d|"
     r"minimax-m\d|embed-v-?\d)-(\d\d?)(?=-|$)", r"\1.\2"), (r"^qwen-?(\d)-(\d)-", r"qwen\1.\2-"), (r"^embed-v-", "embed-v"),
    (r"^(llama|gemma)(?=\d)", r"\1-"), (r"^deepseek-(?=\d)", "deepseek-v"), (r"^(llama-4-(scout|maverick))-17b.*", r"\1"),
    (r"^deepseek\.", "deepseek-"), (r"^deepseek-flash$", "deepseek-v4.1-flash"), (r"^(deepseek-v4|gpt-6)-1-", r"\1.1-"), (r":", "-"), (r"^mistral-large-(2512|3|3-675b.*)$", "mistral-large"),
    (r"^devstral-(2512|2-123b.*)$", "devstral"),
    (r"^mistral-(medium-2604|medium-3[.-]5(-128b)?)$", "mistral-medium"), (r"^mistral-(small-2603|small-4-119b-2603)$", "mistral-small"))]


def id_of(name):
    text = name.lower().rsplit("/", 1)[-1]
    for pattern, to in RENAMES:
        text = pattern.sub(to, text)
    return text


def maker_of(identity):
    """Who made it, its licence, and why that is not stated; nothing when the maker is not known here."""
    return next((facts for pattern, *facts in MAKERS if pattern.match(identity)), None)


def scalar(text):
    text = str(text)
    return text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/ +-]*", text) and text.strip() == text else json.dumps(text)


def unquoted(text):
    return text.strip().strip('"')


def decimal(value):
    return format(Decimal(value).normalize(), "f")


class Row:
    """One entry of a list: its text as it stands, and its keys with the text of their values."""

    def __init__(self, text):
        self.text = text
        body = re.sub(r"(?m)^\s*#.*\n", "", text).strip()[1:].strip()
        parts = self.split(body[1:-1]) if body.startswith("{") else re.split(r"\n    (?=\S)", body)
        self.keys = dict(re.split(r":\s+", part.strip(), maxsplit=1) for part in parts if part.strip())
        for key, value in self.keys.items():
            if value.startswith("- "):  # a list of its own lines
                self.keys[key] = "[" + ", ".join(re.split(r"\s*\n\s*- ", value[2:])) + "]"

    @staticmethod
    def split(text):
        """At the commas outside of brackets and quotes."""
        return re.findall(r"(?:\"(?:\\.|[^\"])*\"|\[[^\]]*\]|\{[^}]*\}|[^,\[{\"])+", text)

    def get(self, key, otherwise=""):
        return unquoted(self.keys.get(key, otherwise))


def read(path, title, head):
    """The text before the list, and its rows. A file that is not there begins with `head`."""
    text = path.read_text() if path.exists() else head + f"{title}:\n"
    begin = re.search(rf"(?m)^{title}:.*\n", text)
    rows = re.findall(r"(?m)(?:^  #.*\n)*^  - .*\n(?:^(?!  - |  #).*\n)*", text[begin.end():])
    return text[:begin.start()], [Row(row) for row in rows]


def flow(keys, breaks):
    """{ key: value, ... } with a new line before the key `breaks`."""
    line, text = [], []
    for key, value in keys.items():
        if key in breaks and line:
            text.append(", ".join(line))
            line = []
        line.append(f"{key}: {value if value[0] in '[{' else scalar(unquoted(value))}")
    return "  - { " + ",\n      ".join(text + [", ".join(line)]) + " }\n"


def model_row(name, said, old, data):
    identity = id_of(name)
    maker = maker_of(identity)
    keys = {"name": scalar(name), "id": scalar(identity)}
    if maker:
        keys |= {"developer": scalar(maker[0]), "licence": scalar(maker[1])}
        if maker[1] == "not stated":
            keys["licence_note"] = scalar(maker[2])
            keys["open_weights"] = "true" if said.get("open_weights") else "false"
    keys |= {key: old.keys[key] for key in KEPT if old and key in old.keys}
    if "developer" not in keys:
        return None
    # What a host leaves out is as it is elsewhere; its limits are its own.
    said = data["facts"].get(identity, {}) | said
    said = {"tool_call": True, "modalities": {"input": ["image"]}} | said  # what nobody knows is not refused
    takes, limit = said.get("modalities", {}).get("input", []), said.get("limit") or {}
    facts = {"kind": "embedding" if "embed" in name.lower() else None, "released": said.get("release_date"),
             "context": limit.get("context"), "max_output": limit.get("output"), "tools": said.get("tool_call"),
             "structured_output": said.get("structured_output"), "reasoning": said.get("reasoning"),
             **{key: old and old.get(key) for key in MANNERS},
             "images": "image" in takes, "audio": "audio" in takes, "video": "video" in takes, "pdf": "pdf" in takes}
    if facts["kind"]:
        facts["max_output"] = None
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])-\d\d", facts["released"] or ""):
        facts["released"] = None
    benchmarks = {"benchmarks": keys.pop("benchmarks")} if "benchmarks" in keys else {}
    keys |= {key: str(value).lower() if value is True else str(value) for key, value in facts.items() if value} | benchmarks
    return flow(keys, (next((key for key in facts if key in keys and key != "kind"), None), "benchmarks"))


def rates(name, said):
    """The row's rates as models.dev says them; nothing when that is no price."""
    cost = said.get("cost") or {}
    if not any(cost.get(key) for key in ("input", "output")) or cost.get("input") is None:
        return None

    def units(of, base):
        found = {key: of[key] for key in ("input", "output", "cache_read", "reasoning") if key in of}
        if of.get("cache_write"):
            found["cache_write_5m"] = of["cache_write"]
            if "claude" in name:  # written for an hour it costs twice the input, says Anthropic
                found["cache_write_1h"] = of.get("input", base.get("input")) * 2
        return {key: decimal(value) for key, value in found.items()}

    row = units(cost, cost)
    row.setdefault("output", "0")
    tiers = ["{ " + ", ".join(f"{key}: {value}" for key, value in (
        {"prompt_tokens": tier["tier"]["size"], "op": "ge" if FROM_THRESHOLD.search(name) else "gt"} | units(tier, cost)).items())
        + " }" for tier in cost.get("tiers", [])]
    return row | ({"tiers": f"[{', '.join(tiers)}]"} if tiers else {})


def price_rows(name, said, old, day, seen):
    """The texts of the model's rows; what stood there until now was `seen` on that day."""
    own = [row for row in old if row.get("source", SOURCE) == SOURCE]
    current = next((row for row in own if "effective_to" not in row.keys), None)
    new = rates(name, said)
    if not new or any(row not in own and "effective_to" not in row.keys for row in old):
        return [row.text for row in old]
    was = current and {key: re.sub(r"\d[\d.]*", lambda number: decimal(number[0]), value) for key, value in current.keys.items()
                       if key in ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning", "tiers")}
    if current and was != new and current.get("effective_from") < day:
        current.keys |= {"effective_to": day, "observed_at": current.get("observed_at", seen)}
        begun = None
    else:
        begun = current
    texts = [row.text for row in old if row is not current]
    if current and begun is None:
        texts.append(flow(current.keys, ("input",)))
    kept = {key: begun.keys[key] for key in ("effective_from", "note") if begun and key in begun.keys}
    return [flow({"model": scalar(name), "effective_from": day} | kept | new, ("input", "tiers"))] + texts


def update(vendor, data, root, told):
    key, without, before = VENDORS[vendor]
    day, offers = data["snapshot"], {}
    head = f"source: {SOURCE}\nobserved_at: {day}\n"
    start, listed = read(root / f"models/{vendor}.yaml", "models", head)
    if f"source: {SOURCE}" not in start:
        return
    listed = {row.get("name"): row for row in listed}
    for name, said in data["models"][key].items():
        makes = said.get("modalities", {}).get("output", ["text"])
        skipped = NO_CHAT.search(name.lower()) or (without and re.search(without, name.lower())) or "text" not in makes
        name = name if "/" in name else before + name
        if said.get("status") != "deprecated" and (name in listed or not skipped):
            offers[name] = said
    newest = sorted(offers, key=lambda name: (
        name in listed, bool(FIRST.match(id_of(name))), data["dates"].get(id_of(name), ""), -len(name), name), reverse=True)
    seen, models, counts = set(), {}, {True: 0, False: 0}
    for name in newest:
        said, embeds = offers[name], "embed" in name.lower()
        old = listed.get(name)
        if not old and (id_of(name) in seen or counts[embeds] >= (EMBEDDINGS if embeds else NEWEST)):
            continue
        row = model_row(name, said, old, data)
        if not row:
            told.add(id_of(name))
            continue
        seen.add(Row(row).get("id"))
        counts[embeds] += 1
        models[name] = row
    for name, row in listed.items():
        if row.get("source", SOURCE) != SOURCE:
            models[name] = row.text
    start = re.sub(r"(?m)^observed_at: .*$", f"observed_at: {day}", start)
    order = sorted(models, key=lambda name: (list(listed).index(name) if name in listed else len(listed), newest.index(name) if name in newest else 0))
    (root / f"models/{vendor}.yaml").write_text(start + "models:\n" + "".join(models[name] for name in order))

    path = root / f"prices/{vendor}.yaml"
    start, prices = read(path, "prices", head)
    if path.exists() and re.search(r"(?m)^source: (?!https://models\.dev$)", start):
        return
    texts, unpriced = [], []
    seen_on = (re.search(r"(?m)^observed_at: (.*)$", start) or [day, day])[1]
    for name in order:
        old = [row for row in prices if row.get("model") == name]
        rows = price_rows(name, offers.get(name, {}), old, day, seen_on)
        texts += rows
        if not rows:
            unpriced.append(scalar(name))
    texts += [row.text for row in prices if row.get("model") not in models]
    start = re.sub(r"(?m)^(source|observed_at|unpriced): .*\n(      .*\n)*", "", start) + head
    if unpriced:
        start += "unpriced: [" + ",\n      ".join(unpriced) + "]\n"
    path.write_text(start + ("prices:\n" if texts else "prices: []\n") + "".join(texts))


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    data = json.loads(Path(arguments[0]).read_text(), parse_float=Decimal)
    root = Path(arguments[1] if len(arguments) == 2 else Path(__file__).resolve().parents[1]) / "data"
    data["dates"], data["facts"], told = {}, {}, set()
    makers = ("openai", "anthropic", "google", "mistral", "deepseek", "alibaba", "zai", "moonshotai", "minimax", "xai", "cohere")
    for offers in (data["models"][key] for key in (*makers, *data["models"])):
        for name, said in offers.items():
            if said.get("release_date"):
                data["dates"].setdefault(id_of(name), said["release_date"])
            for fact in ("tool_call", "reasoning", "modalities"):
                if fact in said:
                    data["facts"].setdefault(id_of(name), {}).setdefault(fact, said[fact])
    for vendor in VENDORS:
        update(vendor, data, root, told)
    print("left out, their makers are not known here: " + ", ".join(sorted(told)) if told else "complete")


if __name__ == "__main__":
    main(sys.argv[1:])
