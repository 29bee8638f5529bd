"""Declarations as a reader wants them: without bodies, attributes and the types that nobody names."""

import re

from comments import WIDTH, remark
from declarations import SPECIFIERS, Stop, join, members, past_angles, past_bracket, skip_requires

INTERNAL = re.compile(r'\b(?:\w+_detail|internals|graph|compile|backend|keyword|eager)::|\bops::(?!Border)')
# What is written in place of types that a caller does not name.
WORDS = [
    (r'typename tensor_detail::Nested<T, rank>::type', '/* nested lists */'),
    (r'tensor_detail::Range<0, 0, 1>::end', '/* the end */'),
    (r'ops::Correction<C>', 'correction<C>'),
    (r'(?:const )?ops::Accurate&?', 'accurate'),
    (r'internals::transform::Mapped<Index\.\.\.>', 'mapped<Index...>'),
    (r'const normalize_detail::Numbers<X>&', 'const std::array<double, Channels>&'),
    (r'internals::backend::Host', 'Cpu'),
    (r'convolution_detail::Filters<D, Out, channels, Kernel>', 'Param<float, Out, channels, Kernel...>'),
    (r'internals::(?:\w+::)*|\w+_detail::', ''),
    (r'(?<![\w:])(?:graph|ops|recurrent|backend|compile|eager)::(?:keyword::)?', ''),
]


def internal(text):
    """Whether a name is left that users do not write."""
    for pattern, words in WORDS[:-2]:
        text = re.sub(pattern, words, text)
    return INTERNAL.search(text) is not None


def readable(text):
    text = re.sub(r'\[\[[^\]]*\]\] ?|\bSINTER_\w+ ?', '', text)
    for pattern, words in WORDS:
        text = re.sub(pattern, words, text)
    return text.strip()


def split(t, separator=','):
    """The tokens between separators outside of brackets."""
    parts, i, begin = [], 0, 0
    while i < len(t):
        if t[i].text in ('(', '[', '{'):
            i = past_bracket(t, i)
        elif t[i].text == '<' and separator == ',':
            i = past_angles(t, i)
        elif t[i].text == separator:
            parts.append(t[begin:i])
            begin = i = i + 1
        else:
            i += 1
    return [p for p in parts + [t[begin:]] if p]


def constraints(t):
    """(the names that must be operands, what else must hold)"""
    while t and t[0].text == '(' and past_bracket(t, 0) == len(t):
        t = t[1:-1]
    operands, others = [], []
    for term in split(t, '&&'):
        text = join(term)
        m = re.fullmatch(r'Operands<([\w, .]+)>', text)
        if m:
            operands += re.findall(r'\w+', m.group(1))
        elif not internal(text) and 'requires' not in text and text != '...':
            others.append(text)
    return operands, others


def wrapped(lines, indent=''):
    """Lines of at most WIDTH columns, broken after commas."""
    out = []
    for line in lines:
        line = indent + line
        lead = re.match(r' *', line).group() + '    '
        while len(line) > WIDTH:
            cut = max(line.rfind(', ', len(lead), WIDTH) + 1, line.rfind(' -> ', len(lead), WIDTH))
            if cut <= len(lead):
                cut = line.rfind(' ', len(lead) + 1, WIDTH)
            if cut <= len(lead):
                break
            out.append(line[:cut].rstrip())
            line = lead + line[cut:].lstrip()
        out.append(line)
    return out


def signature(d, static=''):
    """The lines of a function's signature."""
    t, i = d.rest, 0
    if t and t[0].text == 'static':
        static, t = 'static ', t[1:]
    while i < len(t) and t[i].text in SPECIFIERS | {'static'}:
        i += 1
    t, i, name_at = t[i:], 0, 0
    while t[i].text != '(':
        if t[i].text == 'operator':
            name_at = i
            i += 1
            while t[i].text != '(' or t[i - 1].text == 'operator':
                i += 1
            break
        if t[i].text == '<':
            i = past_angles(t, i)
        elif t[i].text in ('decltype', 'explicit') and t[i + 1].text == '(':
            i = past_bracket(t, i + 1)
        elif t[i].text == '[':
            i = past_bracket(t, i)
        else:
            name_at = i if t[i].kind == 'word' else name_at
            i += 1
    end = past_bracket(t, i)
    result, name = join([x for x in t[:name_at] if x.text not in SPECIFIERS]), join(t[name_at:i])
    parameters = [join(p) for p in split(t[i + 1 : end - 1])]
    tail, must = t[end:], []
    k = next((k for k, x in enumerate(tail) if x.text == 'requires'), None)
    operands, others = constraints(d.requires)
    if k is not None:
        after = skip_requires(tail + [Stop], k + 1)
        more = constraints(tail[k + 1 : after])
        operands, others = operands + more[0], others + more[1]
        tail = tail[:k] + tail[after:]
    if internal(result):
        result = 'auto'
    tail = readable(join(tail))
    if '->' in tail and len(tail) > 60:
        tail = tail[: tail.index('->')].strip()
    template = [join(p) for p in split(d.template)]
    template = [p for p in template if not re.match(r'int = ', p)]
    kept = []
    for p in template:
        m = re.fullmatch(r'([\w:]+)(\.\.\.)? (\w+)', p)
        one = False
        if m:
            kind, pack, x = m.groups()
            uses = [len(re.findall(rf'\b{x}\b', s)) for s in parameters]
            elsewhere = sum(
                len(re.findall(rf'\b{x}\b', s)) for s in [result, tail] + others + [q for q in template if q != p]
            )
            if kind == 'class' and x in operands:
                kind = 'Operand'
            if kind[0].isupper() and sum(uses) == 1 and elsewhere == 0:
                at = uses.index(1)
                q = re.fullmatch(rf'(?:const )?{x}(?:&&|&)?(\.\.\.)?( \w+)?', parameters[at])
                if q:
                    one = True
                    parameters[at] = f'{kind} auto{q.group(1) or ""}{q.group(2) or ""}'
            if not one and x in operands:
                p = f'Operand{pack or ""} {x}'
        if not one:
            kept.append(p)
    template = [readable(p) for p in kept]
    must = [readable(x) for x in others]
    head = f'template <{", ".join(template)}>' if template else ''
    must = 'requires(' + ' && '.join(must) + ')' if must else ''
    if must and head:
        head += ' ' + must
    text = static + (readable(result) + ' ' if result else '') + readable(name)
    text += '(' + ', '.join(readable(p) for p in parameters) + ')' + (' ' + tail if tail else '')
    text += (' ' + must if must and not head else '') + ';'
    if head and len(head) + 1 + len(text) <= WIDTH - 20:
        return [head + ' ' + text]
    if must and len(head) > WIDTH - 20:
        k = head.rindex(' requires(')
        return [head[:k], head[k + 1 :], text]
    return [head, text] if head else [text]


def template_head(d):
    template = [readable(join(p)) for p in split(d.template)]
    others = [readable(x) for x in constraints(d.requires)[1]]
    head = f'template <{", ".join(template)}>' if template else ''
    return head + (' requires(' + ' && '.join(others) + ')' if others else '')


def variable(d, in_type=False):
    t = d.rest
    static = ''
    if t and t[0].text == 'static':
        static, t = 'static ', t[1:]
    constant = any(x.text == 'constexpr' for x in d.head)
    t = [x for x in t if x.text not in SPECIFIERS]
    text = join(t)
    k = next((k for k, x in enumerate(t) if x.text in ('=', '{')), len(t))
    kind = join(t[:k])
    initial = text[len(kind) :]
    if not in_type or internal(initial) or '[' in initial and '{' in initial:
        initial = ''
    if internal(kind):
        kind = 'auto ' + kind.split()[-1]
    head = template_head(d)
    text = static + ('constexpr ' if constant else '') + readable(kind) + readable_initial(initial) + ';'
    return [(head + ' ' + text).strip()] if len(head) + len(text) < WIDTH - 1 else [head, text]


def readable_initial(text):
    return ' ' + readable(text) if text.startswith(('=', ' =')) else readable(text)


# Of templates that make a type from options: the types that they name. Filled while headers are read.
FACTORIES = {}


def alias(d):
    i = next(k for k, x in enumerate(d.rest) if x.text == '=')
    value = join(d.rest[i + 1 :])
    m = re.fullmatch(r'typename (\w+)::(\w+)<.*>::(\w+)', value)
    if m and m.group(2) in FACTORIES:  # an alias that merges its options first
        value = FACTORIES[m.group(2)].get(m.group(3), '…')
        value = re.sub(r'(?:ops::)?(?:options<[^>]*>|Options\b)', '/* options */', value).replace('typename ', '')
    if internal(value) or 'recurrent::' in value:
        value = '…'
    head = template_head(d)
    text = f'using {d.name} = {readable(value)};'
    return [head, text] if head and len(head) + len(text) > WIDTH - 20 else [(head + ' ' + text).strip()]


def concept(d):
    i = next(k for k, x in enumerate(d.rest) if x.text == '=')
    value = join(d.rest[i + 1 :])
    if internal(value) or '{' in value:
        value = '…'
    head, text = template_head(d), f'concept {d.name} = {readable(value)};'
    return [head + ' ' + text] if len(head) + len(text) < WIDTH else [head, text]


def enumeration(d, indent=''):
    head = ' '.join(x.text for x in d.rest if x.text not in ('unsigned', 'char', ':'))
    head = re.sub(r'\[ ?\[.*?\] ?\] ?', '', head)
    body = d.body
    if body and body[0].text == 'SINTER_DTYPES':
        text = d.path.read_text(encoding='utf-8')
        rows = text[text.index('#define SINTER_DTYPES') :].split('\n\n')[0]
        body = []
        names = re.findall(r'\bROW\((\w+)', rows)
        return wrapped([f'{head} {{ {", ".join(names)} }};'])
    items = split(body)
    comments = [(i[0].comment, sum((x.trailing for x in i), [])) for i in items]
    # the comment after an enumerator's comma belongs to the comma
    for k, item in enumerate(items):
        at = body.index(item[-1]) + 1
        if at < len(body) and body[at].text == ',':
            comments[k] = (comments[k][0], comments[k][1] + body[at].trailing)
    after = f' {d.after};' if d.after else ';'
    if not any(c or t for c, t in comments):
        return [indent + f'{head} {{ {", ".join(join(i) for i in items)} }}{after}']
    lines = [indent + head + ' {']
    for item, (before, trailing) in zip(items, comments):
        lines += remark(before, indent + '  ')
        text = indent + '  ' + join(item) + ','
        lines += with_trailing(text, trailing, indent + '  ')
    return lines + [indent + '}' + after]


def with_trailing(text, trailing, indent):
    if not trailing:
        return wrapped([text])
    said = ' '.join(trailing)
    if len(text) + len(said) + 5 <= WIDTH:
        return [f'{text}  // {said}']
    return remark([' ' + said], indent) + wrapped([text])


# Members by which the library knows its types.
HIDDEN = set('is_expression is_handle symbol place leaf_type Backend bind show symbolic traced_in'.split())


def has_nameless_parameter(d):
    i = next(i for i, x in enumerate(d.rest) if x.text == '(')
    for p in split(d.rest[i + 1 : past_bracket(d.rest, i) - 1]):
        p = p[: next((k for k, x in enumerate(p) if x.text == '='), len(p))]
        if len(p) == 1 or p[-1].kind != 'word' or p[-2].text in ('::', 'const'):
            return ')' not in [x.text for x in p]  # a pointer to a function has its name within
    return False


def is_shown(m, owner):
    if m.library or m.name is None or m.name.startswith('sinter_') or m.special and m.kind == 'function':
        return False
    if m.kind == 'using' or not m.comment and not m.trailing and m.name in HIDDEN:
        return False
    text = join(m.head)
    if m.kind == 'function' and ('~' in text or 'Refused' in text):
        return False
    if m.kind == 'function' and m.name == owner and not m.comment and has_nameless_parameter(m):
        return False  # what such a constructor takes is an error
    if m.kind == 'function':
        copies = rf'\({"(const )?"}{owner}(<[^>]*>)?&&? ?\w*\)'
        if re.search(rf'(\b{owner}|operator=) ?{copies}', text) and not m.comment:
            return False
    if m.kind == 'type' and m.body is None:
        return False
    return bool(m.comment or m.trailing or not internal(text))


def synopsis(d, indent='', aliases=True):
    """A type with its public members."""
    rest = d.rest
    k = next((k for k, x in enumerate(rest) if x.text == ':'), len(rest))
    bases = [join(b) for b in split(rest[k + 1 :])]
    bases = [readable(b) for b in bases if not internal(b)]
    name = join([x for x in rest[:k] if x.text not in ('final',)])
    line = name + (' : ' + ', '.join(bases) if bases else '')
    head = template_head(d)
    lines = [head, line] if head and len(head) + len(line) > WIDTH - 22 else [(head + ' ' + line).strip()]
    if d.body is None:
        return wrapped(lines[:-1], indent) + wrapped([lines[-1] + ';'], indent)
    body, first = [], True
    for m in members(d.body, d.access, d.path):
        if not is_shown(m, d.name) or m.kind == 'alias' and not aliases:
            continue
        inner = indent + '  '
        if m.separated and not first:
            body.append('')
        first = False
        body += remark(m.comment, inner)
        if m.kind == 'type':
            body += synopsis(m, inner)
        elif m.kind == 'enum':
            body += enumeration(m, inner)
        else:
            shown = declaration_lines(m, True)
            shown = wrapped(shown[:-1], inner) + [inner + shown[-1]]
            body += shown[:-1] + with_trailing(shown[-1], m.trailing, inner)
    lines = wrapped(lines, indent)
    if not body:
        return lines[:-1] + [lines[-1] + ' {};']
    lines[-1] += ' {'
    if d.access == 'class':
        body.insert(0, indent + ' public:')
    return lines + body + [indent + '}' + (f' {d.after}' if d.after else '') + ';']


def declaration_lines(d, in_type=False):
    if d.kind == 'function':
        return signature(d)
    if d.kind == 'variable':
        return variable(d, in_type)
    if d.kind == 'alias':
        return alias(d)
    if d.kind == 'concept':
        return concept(d)
    if d.kind == 'enum':
        return enumeration(d)
    return synopsis(d)
