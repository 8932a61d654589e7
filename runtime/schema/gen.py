#!/usr/bin/env python3
"""Writes everything that follows from ops.def: op numbers, the typed C layer, the typed C++ layer, the schema as JSON.
Also writes the assertions that pin the layout of the public structs, from tests/abi/layout.lock.

usage: gen.py [--check | --lock]
    --check   exit 1 if a generated file is not what it should be
    --lock    first rebuild layout.lock with the C compiler; its diff shows what a change of the headers breaks
Standard library only.
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAD = "Generated from runtime/schema/ops.def by gen.py; do not edit."
ENTRY = re.compile(r"^QN_(OP|COMPOSED)\((.*)\)\s*$")
FIELD = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,]+)\s*(?:,|$)')
DTYPES = "boolean u8 u16 u32 u64 i8 i16 i32 i64 f16 bf16 f32 f64 c64".split()


def parse():
    ops = []
    for line in (ROOT / "runtime/schema/ops.def").read_text().splitlines():
        m = ENTRY.match(line)
        if not m:
            continue
        f = [x.strip().strip('"') for x in FIELD.findall(m[2])]
        if m[1] == "OP":
            names = "id name kind inputs attrs outputs shape grad since doc".split()
        else:
            names = "id name inputs attrs outputs since doc".split()
        if len(f) != len(names):
            sys.exit(f"ops.def: {len(f)} fields, expected {len(names)}: {line[:80]}")
        op = dict(zip(names, f))
        op.setdefault("kind", "COMPOSED")
        op["id"] = int(op["id"])
        op["inputs"] = [parse_input(x) for x in split(op["inputs"])]
        op["attrs"] = [parse_attr(x) for x in split(op["attrs"])]
        op["outputs"] = split(op["outputs"])
        ops.append(op)
    ids = [o["id"] for o in ops]
    if len(set(ids)) != len(ids):
        sys.exit("ops.def: an id is used twice")
    return ops


def split(s):
    return [x.strip() for x in s.split(", ") if x.strip()]


def parse_input(s):
    if s.endswith("..."):
        return {"name": s[:-3], "variadic": True}
    name, _, default = s.partition("=")
    return {"name": name, "default": float(default)} if default else {"name": name}


def parse_attr(s):
    m = re.fullmatch(r"(\w+):(\w+)(=(.*))?", s)
    a = {"name": m[1], "type": m[2]}
    if m[3] is not None:
        a["default"] = m[4]
    return a


def fill(text, width=100, lead=""):
    out, line = [], lead
    for word in text.split():
        if len(line) + len(word) + 1 > width:
            out.append(line.rstrip())
            line = lead
        line += word + " "
    return out + [line.rstrip()]


def op_ids(ops):
    lines = [f"/* {HEAD} */", "#ifndef QN_OP_IDS_H", "#define QN_OP_IDS_H"]
    lines += [f"#define QN_OP_{o['name'].upper()} {o['id']}u" for o in ops]
    return "\n".join(lines + ["#endif", ""])


C_KEYWORDS = {"double", "float", "int", "default", "register", "auto"}


def c_name(n):
    return n + "_" if n in C_KEYWORDS else n


def c_function(o):
    """One typed static inline wrapper over qn_op."""
    params, pre = ["qn_runtime* rt"], []
    variadic = any(i.get("variadic") for i in o["inputs"])
    for i in o["inputs"]:
        if i.get("variadic"):
            params += [f"qn_array* const* {i['name']}", f"uint32_t n_{i['name']}"]
        else:
            params.append(f"qn_array* {i['name']}")
    for k, a in enumerate(o["attrs"]):
        n, t = c_name(a["name"]), a["type"]
        if t in ("int", "bool"):
            params.append(f"int64_t {n}")
            pre.append((k, "INT", "0", "i", n))
        elif t == "float":
            params.append(f"double {n}")
            pre.append((k, "FLOAT", "0", "f", n))
        elif t == "dtype":
            params.append(f"qn_dtype {n}")
            pre.append((k, "DTYPE", "0", "i", n))
        elif t == "ints":
            params += [f"const int64_t* {n}", f"uint32_t n_{n}"]
            pre.append((k, "INTS", f"n_{n}", "is", n))
        elif t == "floats":
            params += [f"const double* {n}", f"uint32_t n_{n}"]
            pre.append((k, "FLOATS", f"n_{n}", "fs", n))
        elif t == "str":
            params.append(f"const char* {n}")
            pre.append((k, "STR", f"(uint32_t)({n} ? strlen({n}) : 0)", "s", n))
    params += ["qn_array** out", "qn_error** error"]
    doc = fill(o["doc"], 98, " * ")
    doc[0] = "/*" + doc[0][2:]
    notes = []
    for i in o["inputs"]:
        if "default" in i:
            notes.append(f"{i['name']} may be NULL ({i['default']:g})")
    for a in o["attrs"]:
        if a["type"] in ("ints", "floats", "str", "dtype") and "default" in a:
            d = a["default"] if a["default"] else "empty"
            zero = "NULL" if a["type"] != "dtype" else "0"
            notes.append(f"{c_name(a['name'])} {zero} = {d}")
        elif "default" in a:
            notes.append(f"{c_name(a['name'])} usually {a['default']}")
    if len(o["outputs"]) > 1:
        notes.append(f"out has room for {len(o['outputs'])}: {', '.join(o['outputs'])}")
    if notes:
        doc += fill("; ".join(notes) + ".", 98, " * ")
    out = doc[:-1] + [doc[-1] + " */"]
    out += fill(f"static inline qn_status qn_{o['name']}({', '.join(params)}) {{", 98, "    ")
    out[len(doc)] = out[len(doc)].lstrip()
    if variadic:
        ins, n_in = o["inputs"][0]["name"], f"n_{o['inputs'][0]['name']}"
    elif o["inputs"]:
        out.append("  qn_array* in_[%d];" % len(o["inputs"]))
        out += [f"  in_[{k}] = {i['name']};" for k, i in enumerate(o["inputs"])]
        ins, n_in = "in_", str(len(o["inputs"]))
    else:
        ins, n_in = "NULL", "0"
    if pre:
        out.append(f"  qn_attr attr_[{len(pre)}];")
        for k, ty, count, member, n in pre:
            a = o["attrs"][k]
            kind = f"QN_ATTR_{ty}"
            if "default" in a and ty in ("INTS", "FLOATS", "STR", "DTYPE"):
                kind = f"{n} ? {kind} : QN_ATTR_DEFAULT"
            out.append(f"  attr_[{k}].type = {kind};")
            out.append(f"  attr_[{k}].count = {count};")
            out.append(f"  attr_[{k}].v.{member} = {n};")
    attrs = ("attr_", str(len(pre))) if pre else ("NULL", "0")
    out.append(f"  return qn_op(rt, QN_OP_{o['name'].upper()}, {ins}, {n_in}, {attrs[0]}, {attrs[1]}, out, {len(o['outputs'])}, error);")
    return out + ["}", ""]


def ops_h(ops):
    lines = [f"/* ops.h - typed functions over qn_op. {HEAD}",
             " *",
             " * Every function returns QN_OK and writes *out (a new reference), or an error code and leaves *out",
             " * alone; error may be NULL. Shapes and dtypes are checked at once, the work is done when needed. */",
             "#ifndef QN_OPS_H", "#define QN_OPS_H", "#include <string.h>", "", '#include "op_ids.h"', '#include "quern.h"',
             "", "#if defined(__cplusplus)", 'extern "C" {', "#endif", ""]
    for o in ops:
        if o["kind"] != "INTERNAL":
            lines += c_function(o)
    return "\n".join(lines + ["#if defined(__cplusplus)", "}", "#endif", "#endif", ""])


def cpp_default(a):
    if "default" not in a:
        return ""
    d, t = a["default"], a["type"]
    if t == "ints":
        return " = Ints{" + d.replace(" ", ", ") + "}"
    if t == "floats":
        return " = Floats{" + d.replace(" ", ", ") + "}"
    if t == "str":
        return f' = "{d}"'
    if t == "dtype":
        return f" = DType::{d}"
    if t == "bool":
        return " = true" if d == "1" else " = false"
    return f" = {d}"


def cpp_function(o):
    ty = {"int": "std::int64_t", "bool": "bool", "float": "double", "ints": "Ints", "floats": "Floats", "str": "std::string", "dtype": "DType"}
    variadic = any(i.get("variadic") for i in o["inputs"])
    params = [] if o["inputs"] else ["Runtime& rt"]
    tail = True
    for i in reversed(o["inputs"]):
        tail = tail and "default" in i
    req = [a for a in o["attrs"] if "default" not in a]
    for i in o["inputs"]:
        params.append(f"const ArrayList& {i['name']}" if i.get("variadic") else f"const Array& {c_name(i['name'])}" + (" = {}" if "default" in i and not req else ""))
    # required attributes first, so that the rest can have defaults
    opt = [a for a in o["attrs"] if "default" in a]
    params += [f"{ty[a['type']]} {c_name(a['name'])}{cpp_default(a)}" for a in req + opt]
    out = [f"// {o['doc']}"]
    many = len(o["outputs"]) > 1
    out += [f"inline {'ArrayList' if many else 'Array'} {c_name(o['name'])}({', '.join(params)}) {{", "  AttrList attrs_;"]
    for a in o["attrs"]:
        v = f"std::int64_t({c_name(a['name'])})" if a["type"] == "bool" else f"std::move({c_name(a['name'])})"
        out.append(f"  attrs_.push_back({v});")
    ins = o["inputs"][0]["name"] if variadic else "ArrayList{" + ", ".join(c_name(i["name"]) for i in o["inputs"]) + "}"
    rt = "nullptr" if o["inputs"] else "&rt"
    out += ["  ArrayList out_;", f"  record({rt}, QN_OP_{o['name'].upper()}, {ins}, std::move(attrs_), out_);", "  return out_;" if many else "  return std::move(out_[0]);", "}", ""]
    return out


def api_h(ops):
    lines = [f"// Typed C++ functions that record ops, for gradients and composed ops. {HEAD}", "#pragma once",
             "#include <string>", "#include <utility>", "", '#include "runtime/ops/rules.h"', "", "namespace quern::ops {", ""]
    for o in ops:
        if o["kind"] != "INTERNAL":
            lines += cpp_function(o)
    return "\n".join(lines + ["}  // namespace quern::ops", ""])


def schema_json(ops):
    keep = ("id", "name", "kind", "inputs", "attrs", "outputs", "since", "doc")
    rows = ",\n".join("  " + json.dumps({k: o[k] for k in keep}) for o in ops)
    return "[\n" + rows + "\n]\n"


def json_inc(ops):
    keep = ("id", "name", "kind", "inputs", "attrs", "outputs", "since", "doc")
    rows = [json.dumps(json.dumps({k: o[k] for k in keep})) + "," for o in sorted(ops, key=lambda o: o["id"])]
    return f"// {HEAD}\n" + "\n".join(rows) + "\n"


LOCK = ROOT / "tests/abi/layout.lock"
PUBLIC = "base.h quern.h kernel.h".split()
STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\n\} \1;", re.S)


def members(body):
    """Names of the members of one struct, in order. A union counts as the one member it is."""
    body = re.sub(r"union \{.*?\}", "union", re.sub(r"/\*.*?\*/", "", body, flags=re.S), flags=re.S)
    names = []
    for decl in body.split(";"):
        if not decl.strip():
            continue
        call = re.search(r"\(\*(\w+)\)", decl)
        names += [call[1]] if call else [re.findall(r"\w+", part)[-1] for part in decl.split(",")]
    return names


def public_structs():
    found = []
    for header in PUBLIC:
        text = (ROOT / "include/quern" / header).read_text()
        found += [(name, members(body)) for name, body in STRUCT.findall(text)]
    return found


def make_lock(structs):
    lines = ["#include <stdio.h>", '#include "quern/kernel.h"', '#include "quern/quern.h"', "int main(void) {"]
    for name, fields in structs:
        lines.append(f'  printf("{name} - 0 %zu\\n", sizeof({name}));')
        lines += [f'  printf("{name} {f} %zu %zu\\n", offsetof({name}, {f}), sizeof((({name}*)0)->{f}));' for f in fields]
    with tempfile.TemporaryDirectory() as tmp:
        probe = Path(tmp) / "probe.c"
        probe.write_text("\n".join(lines + ["  return 0;", "}", ""]))
        subprocess.run(["cc", "-std=c11", f"-I{ROOT}/include", "-o", f"{tmp}/probe", probe], check=True)
        out = subprocess.run([f"{tmp}/probe"], check=True, capture_output=True, text=True).stdout
    LOCK.write_text("# struct member offset size ('-' = the whole struct), 64-bit pointers; written by gen.py --lock\n" + out)


def layout_c(structs):
    rows = [x.split() for x in LOCK.read_text().splitlines() if x and not x.startswith("#")]
    want = [(name, f) for name, fields in structs for f in ["-"] + fields]
    if want != [(r[0], r[1]) for r in rows]:
        sys.exit("tests/abi/layout.lock does not list the members of the headers: run gen.py --lock and read its diff")
    lines = ["/* Pins the layout of the public structs. Generated from tests/abi/layout.lock by gen.py; do not edit. */",
             "#include <stddef.h>", "#include <stdint.h>", "", '#include "quern/kernel.h"', '#include "quern/quern.h"',
             "", "#if UINTPTR_MAX == UINT64_MAX"]
    for name, f, offset, size in rows:
        if f == "-":
            lines.append(f'_Static_assert(sizeof({name}) == {size}, "{name}");')
        else:
            lines.append(f'_Static_assert(offsetof({name}, {f}) == {offset} && sizeof((({name}*)0)->{f}) == {size}, "{name}.{f}");')
    return "\n".join(lines + ["#endif", ""])


def main():
    ops = parse()
    structs = public_structs()
    if "--lock" in sys.argv:
        make_lock(structs)
    files = {
        "include/quern/op_ids.h": op_ids(ops),
        "include/quern/ops.h": ops_h(ops),
        "runtime/ops/api.gen.h": api_h(ops),
        "runtime/schema/ops.gen.json": schema_json(ops),
        "tests/abi/layout.gen.c": layout_c(structs),
        "runtime/schema/ops_json.gen.inc": json_inc(ops),
    }
    stale = [p for p, text in files.items() if not (ROOT / p).exists() or (ROOT / p).read_text() != text]
    if "--check" in sys.argv:
        if stale:
            sys.exit("stale generated files (run ./dev gen): " + ", ".join(stale))
        return
    for p in stale:
        (ROOT / p).write_text(files[p])
        print("wrote", p)


if __name__ == "__main__":
    main()
