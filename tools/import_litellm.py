"""Brings data/models and data/prices up to LiteLLM's catalogue (MIT). Usage: tools/import_litellm.py FILE VERSION DAY [ROOT]

FILE is model_prices_and_context_window.json of the release VERSION, read on DAY (YYYY-MM-DD). Unlike models.dev it says for
most of its entries which page of the vendor's it was read from, and when a vendor stops a model. Taken from it: the day of
retirement with its successor and its source; facts that a row here lacks; the models of ADDED; and prices that changed, where
the page is the vendor's own. A price that changed ends on DAY and a new row begins. What looks like a slip of the catalogue is
not taken but told: a price that is more than twice or less than half of what it was, a cached token dearer than a fresh one.
A second run changes nothing.
"""
import json
import re
import sys
from decimal import Decimal
from pathlib import Path

from import_models_dev import MANNERS, Row, decimal, flow, id_of, maker_of, read, scalar

# The open weights that came out since the snapshot of models.dev, as their hosts call them.
NEW_WEIGHTS = (r"(?i)(accounts/fireworks/models/|(?!accounts)[\w-]+/|databricks-)(glm-5[.p]3(-flash)?|kimi-k3|deepseek-v4[.p-]1-flash|deepseek-v4-pro-0813|"
               r"minimax-m3[.p]1-flash|qwen3[.p]8-27b|nvidia-nemotron-3-ultra-550b-a55b)")

# Sluice's name: LiteLLM's provider, what of its models comes in when it is not here yet.
VENDORS = {
    "openai": ("openai", r"gpt-6-(astra|sol|luna)|gpt-6\.1-\w+|gpt-5\.6-(sol|terra|luna)|gpt-4\.1(-mini)?|gpt-audio-1\.5"),
    "anthropic": ("anthropic", r"claude-(opus-5|opus-5-5|sonnet-5-5|haiku-5-5|fable-5-1)"),
    "gemini": ("gemini", r"gemini-3\.[678]-flash|gemini-3\.5-flash-lite|gemini-4-\w+|gemini-embedding-2|gemini-(3\.1-flash|3-pro)-image"),
    "meta": ("meta", r"muse-(spark-1\.[23](-contributor)?|wonder-1\.0)"),
    "mistral": ("mistral", r"mistral-large-4-0|codestral-2508|voxtral-small-2507"),
    "xai": ("xai", r"grok-4\.[567]"), "deepseek": ("deepseek", r"deepseek-flash"),
    "moonshot": ("moonshot", r"kimi-k3|kimi-k3\.1-pro"), "zai": ("zai", r"glm-5\.3(-flash)?"), "minimax": ("minimax", ""),
    "groq": ("groq", r"qwen/qwen3\.8-27b"), "cerebras": ("cerebras", r"qwen-3\.8-27b|gemma-4-31b"),
    "cohere": ("cohere", r"embed-v5\.0-(pro|fast)"), "perplexity": ("perplexity", ""), "together": ("together_ai", NEW_WEIGHTS),
    "fireworks": ("fireworks_ai", NEW_WEIGHTS), "baseten": ("baseten", NEW_WEIGHTS), "wandb": ("wandb", NEW_WEIGHTS), "nebius": ("nebius", NEW_WEIGHTS),
    "deepinfra": ("deepinfra", NEW_WEIGHTS), "databricks": ("databricks", NEW_WEIGHTS + r"|databricks-(claude-opus-5-5|gpt-6-astra|gpt-6-1-terra)"), "novita": ("novita", NEW_WEIGHTS), "cloudflare": ("cloudflare", ""),
    "scaleway": ("scaleway", ""), "ovhcloud": ("ovhcloud", ""), "sambanova": ("sambanova", ""), "voyage": ("voyage", ""),
    "gmicloud": ("gmi", NEW_WEIGHTS),
    "azure": ("azure", r"gpt-(4\.1(-mini|-nano)?|4o(-mini)?|5(-mini|-nano)?|5\.[125]|5\.4(-mini|-nano)?|5\.6-\w+|6(\.1)?-(astra|sol|terra|luna))|"
                       r"gpt-audio-1\.5|text-embedding-3-\w+"),
    "bedrock": ("bedrock_converse", r"((us|eu|au|jp|global)\.)?anthropic\.claude-(?!3)(?!.*(4-20250514|opus-4-1|mythos|@)).*|amazon\.nova-(2-lite|lite|micro|"
                                    r"premier|pro)-v1:0|(eu|us|global)\.amazon\.nova-2-lite-v1:0|meta\.llama(3-3|4).*|mistral\.(mistral-large-3|"
                                    r"magistral|devstral|ministral|voxtral).*|deepseek\..*|qwen\..*|minimax\.minimax-m2\.5|moonshotai\..*|"
                                    r"openai\.gpt-oss-(20|120)b-1:0|google\.gemma.*|nvidia\..*|writer\.palmyra-x\d-v1:0|zai\..*"),
    "vertex": ("vertex_ai-language-models", r"gemini-(2\.5-(pro|flash|flash-lite)|3.*-(flash|flash-lite|pro-preview)|3-flash-preview|4-\w+)"),
    "vertex-anthropic": ("vertex_ai-anthropic_models", r"claude-(?!3)[a-z]+-[\d-]+(@.*)?"),
}
# Whose entries name a page of the vendor's for most prices.
PRICED = {"openai", "anthropic", "gemini", "meta", "mistral", "xai", "deepseek", "moonshot", "zai", "azure", "bedrock", "vertex",
          "vertex-anthropic", "cohere", "groq", "cerebras", "sambanova", "scaleway"}
FROM_THRESHOLD = re.compile(r"gpt|grok")  # whose dearer tier starts at its number of tokens; others' starts above it
EARLIEST = re.compile(r"cloud\.google\.com")  # whose days are the earliest possible ones
INPUT_ONLY = {272000, 922000}  # what OpenAI's models take beside what they write
UNITS = {"input": "input_cost_per_token", "output": "output_cost_per_token", "cache_read": "cache_read_input_token_cost",
         "cache_write_5m": "cache_creation_input_token_cost", "cache_write_1h": "cache_creation_input_token_cost_above_1hr"}
ORDER = ("name", "id", "aliases", "developer", "licence", "licence_note", "open_weights", "kind", "ground", "region", "retires", "source",
         "observed_at", "released", "context", "max_output", "tools", "structured_output", "reasoning", *MANNERS, "images", "audio", "video", "pdf",
         "makes_images", "makes_audio", "benchmarks")


def offers_of(data, key):
    """The vendor's own names of its models -> what LiteLLM says."""
    offers = {}
    for name, said in data.items():
        if said.get("litellm_provider") == key and said.get("mode") in ("chat", "embedding", "image_generation", "responses"):
            offers[re.sub(rf"^({key}|vertex_ai)/", "", name)] = said
    return offers


def per_million(value):
    return decimal(Decimal(value) * 1_000_000)


def rates(name, said):
    row = {unit: per_million(said[key]) for unit, key in UNITS.items() if said.get(key)}
    if "input" not in row or ("output" not in row and said.get("mode") != "embedding"):
        return None
    row.setdefault("output", "0")
    tiers = []
    for size in sorted(int(match[1]) for key in said if (match := re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", key))):
        tier = {unit: per_million(said[f"{key}_above_{size}k_tokens"]) for unit, key in UNITS.items() if said.get(f"{key}_above_{size}k_tokens")}
        tiers.append("{ " + ", ".join(f"{key}: {value}" for key, value in (
            {"prompt_tokens": size * 1000, "op": "ge" if FROM_THRESHOLD.search(name) else "gt"} | tier).items()) + " }")
    return row | ({"tiers": f"[{', '.join(tiers)}]"} if tiers else {})


def odd(new, old):
    """Why a price is not believed, or nothing."""
    number = {unit: Decimal(value) for unit, value in new.items() if unit != "tiers"}
    if number.get("cache_read", 0) > number["input"]:
        return "a cached token is dearer than a fresh one"
    for unit in ("input", "output"):
        was = Decimal(old[unit]) if old and unit in old else None
        if was and (number[unit] > 2 * was or number[unit] < was / 2):
            return f"{unit} {decimal(was)} -> {decimal(number[unit])}"
    return None


def own_page(said):
    return re.sub(r"^https?://", "https://", said.get("source") or "").split(" ")[0].split("?")[0]


def source_of(page, version):
    return json.dumps(f"{page}, as litellm {version} has it" if page else f"litellm {version}")


def facts(name, said):
    takes, makes = said.get("supported_modalities") or [], said.get("supported_output_modalities") or []
    context, output = said.get("max_input_tokens"), said.get("max_output_tokens")
    if context in INPUT_ONLY and output:
        context += output
    found = {"context": context, "max_output": output if said.get("mode") != "embedding" else None,
             "tools": said.get("supports_function_calling"),
             "structured_output": said.get("supports_response_schema") or said.get("supports_native_structured_output"),
             "reasoning": said.get("supports_reasoning"), "images": said.get("supports_vision") or "image" in takes,
             "audio": said.get("supports_audio_input") or "audio" in takes,
             "video": said.get("supports_video_input") or "video" in takes, "pdf": said.get("supports_pdf_input"),
             "makes_images": "image" in makes and "image" in name, "makes_audio": said.get("supports_audio_output") or "audio" in makes}
    return {key: str(value).lower() for key, value in found.items() if value}


def text_of(keys):
    keys = {key: keys[key] for key in ORDER if key in keys}
    head = next((key for key in ("released", "context", "max_output", "tools") if key in keys), None)
    return flow(keys, tuple(key for key in ("retires", head, "benchmarks") if key))


def retirement(said, name, version):
    """A day without the vendor's page is not taken: it would make the gateway refuse a model on hearsay."""
    if not said.get("deprecation_date") or not said.get("deprecation_source"):
        return None
    successor = (said.get("successor_model") or "").split("/", 1)[-1]
    successor = f", successor: {scalar(successor)}" if successor and successor != name else ""
    earliest = ", earliest: true" if EARLIEST.search(said["deprecation_source"]) else ""
    return f"{{ day: {said['deprecation_date']}{earliest}{successor}, source: {source_of(said['deprecation_source'], version)} }}"


def update(vendor, data, version, day, root, told):
    key, added = VENDORS[vendor]
    offers = offers_of(data, key)
    path = root / f"models/{vendor}.yaml"
    start, rows = read(path, "models", f"source: {source_of('', version)}\nobserved_at: {day}\n")
    ids, texts, known, newest = {row.get("id") for row in rows}, [], {row.get("name") for row in rows}, []
    for row in rows:
        said, keys = offers.get(row.get("name")), dict(row.keys)
        if not said:
            texts.append(row.text)
            continue
        ends = retirement(said, row.get("name"), version)
        if ends and ("litellm" in keys.get("retires", "litellm") or "successor" not in keys["retires"]):
            keys["retires"] = ends
        lacking = {fact: value for fact, value in facts(row.get("name"), said).items() if fact not in keys}
        if keys.get("kind") == "embedding":
            lacking = {fact: value for fact, value in lacking.items() if fact == "context"}
        keys |= lacking
        texts.append(row.text if keys == row.keys else text_of(keys))
    for name, said in sorted(offers.items(), key=lambda one: one[0], reverse=True):
        if name in known or not added or not re.fullmatch(added, name) or said.get("mode") == "responses":
            continue
        region = re.match(r"(us|eu|au|jp|global)\.", name)
        plain = id_of(re.sub(r"-v\d+(:\d+)?$", "", name[region.end():] if region else name))
        identity, maker = (region[0] if region else "") + plain, maker_of(plain)
        if not maker or identity in ids:
            if not maker:
                told.append(f"{vendor}/{name}: its maker is not known here")
            continue
        ids.add(identity)
        newest.append(name)
        keys = {"name": scalar(name), "id": scalar(identity), "developer": scalar(maker[0]), "licence": scalar(maker[1])}
        keys |= {"licence_note": scalar(maker[2])} if len(maker) > 2 else {}
        keys |= {"kind": "embedding"} if said["mode"] == "embedding" else {}
        keys |= {"region": region[1]} if region else {}
        if ends := retirement(said, name, version):
            keys["retires"] = ends
        if path.exists() and "litellm" not in start:
            keys |= {"source": source_of(own_page(said), version), "observed_at": day}
        texts.append(text_of(keys | facts(name, said)))
    if texts != [row.text for row in rows]:
        path.write_text(start + "models:\n" + "".join(texts))

    path = root / f"prices/{vendor}.yaml"
    start, prices = read(path, "prices", f"source: {source_of('', version)}\nobserved_at: {day}\n")
    changed, unpriced = [], set()
    for name in [*known, *newest]:
        said = offers.get(name)
        new = said and rates(name, said)
        old = [row for row in prices if row.get("model") == name and "effective_to" not in row.keys]
        if not new or (known and name in known and vendor not in PRICED):
            if name in newest:
                unpriced.add(name)
            continue
        was = {unit: old[0].keys[unit] for unit in (*UNITS, "tiers") if old and unit in old[0].keys}
        same = all(Decimal(was.get(unit, -1)) == Decimal(new.get(unit, -1)) for unit in ("input", "output", "cache_read"))
        if (old and (same or not own_page(said))) or len(old) > 1:
            continue
        if why := odd(new, was):
            told.append(f"{vendor}/{name}: {why} ({own_page(said)})")
            unpriced |= set() if old else {name}
            continue
        if old:
            old[0].keys["effective_to"] = day
            old[0].text = flow(old[0].keys, ("input", "tiers"))
            told.append(f"{vendor}/{name}: the price has changed, {was.get('input')}/{was.get('output')} -> {new['input']}/{new['output']}")
        changed.append(flow({"model": scalar(name), "effective_from": day, "source": source_of(own_page(said), version), "observed_at": day} | new,
                            ("input", "tiers")))
    if not changed and not unpriced:
        return
    listed = re.search(r"(?m)^unpriced: \[(.*(?:\n      .*)*)\]\n", start)
    names = [name.strip() for name in (listed[1].split(",") if listed else [])]
    priced = {Row(text).get("model") for text in changed}
    names = [name for name in names if name.strip('"') not in priced] + [scalar(name) for name in sorted(unpriced) if scalar(name) not in names]
    start = re.sub(r"(?m)^unpriced: \[.*(\n      .*)*\n", "", start)
    if names:
        start += "unpriced: [" + ",\n      ".join(names) + "]\n"
    path.write_text(start + "prices:\n" + "".join(changed) + "".join(row.text for row in prices))


def main(arguments):
    if len(arguments) not in (3, 4):
        sys.exit(__doc__)
    data = json.loads(Path(arguments[0]).read_text(), parse_float=Decimal)
    root = Path(arguments[3] if len(arguments) == 4 else Path(__file__).resolve().parents[1]) / "data"
    told = []
    for vendor in VENDORS:
        update(vendor, data, arguments[1], arguments[2], root, told)
    print("\n".join(told) or "complete")


if __name__ == "__main__":
    main(sys.argv[1:])
