"""What a header declares, with the comments above: tests/names/collect.py for who also wants to see the declaration."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / 'include' / 'sinter'
sys.path.insert(0, str(ROOT / 'tests' / 'names'))
from collect import TOKEN, past_angles, past_bracket, skip_requires, to_semicolon  # noqa: E402

SPECIFIERS = {'inline', 'constexpr', 'consteval', 'constinit', 'extern', 'thread_local'}


class Token:
    """A token with the comment before it and its place in the file."""

    __slots__ = ('kind', 'text', 'start', 'end', 'comment', 'trailing', 'separated', 'library')

    def __init__(self, kind, text, start, end, comment, separated, library):
        self.kind, self.text, self.start, self.end = kind, text, start, end
        self.comment, self.separated, self.library, self.trailing = comment, separated, library, []


def tokens(text):
    result, comment, separated, library, end = [], [], False, False, 0
    for m in TOKEN.finditer(text):
        if m.start() > end + 1 and text.count('\n', end, m.start()) > 1:
            comment, separated, library = [], True, False
        end = m.end()
        if m.lastgroup == 'comment':
            if m.group().startswith('///<'):
                result[-1].trailing.append(m.group()[4:].strip())
            elif m.group().startswith('///'):
                comment.append(m.group()[3:])
            elif m.group().startswith('// For the library'):
                library = True
        elif m.lastgroup == 'directive':
            comment = comment if comment and not m.group().lstrip().startswith('#define') else []
        else:
            kind = 'raw' if m.lastgroup == 'delimiter' else m.lastgroup
            result.append(Token(kind, m.group(), m.start(), m.end(), comment, separated, library))
            comment, separated = [], False
    return result


class Declaration:
    """kind: function, variable, type, enum, concept, alias, using. The head is a list of tokens without the body."""

    def __init__(self, kind, name, head, body, first, path):
        self.kind, self.name, self.head, self.body, self.path = kind, name, head, body, path
        self.comment, self.separated, self.library = first.comment, first.separated, first.library
        self.trailing = []
        self.template, self.requires, self.rest = split_head(head)
        self.special = False  # a specialisation


def split_head(t):
    """(template parameters, constraint, the rest) of the tokens of a head."""
    i, template, requires = 0, [], []
    while i < len(t):
        if t[i].text == 'template':
            end = past_angles(t, i + 1)
            template, i = t[i + 2 : end - 1], end
        elif t[i].text == 'requires':
            end = skip_requires(t + [Stop], i + 1)
            requires, i = t[i + 1 : end], end
        elif t[i].text == '[' and i + 1 < len(t) and t[i + 1].text == '[':
            i = past_bracket(t, i)
        elif t[i].text in SPECIFIERS or t[i].text.startswith('SINTER_'):
            i += 1
        else:
            break
    return template, requires, t[i:]


class Stop:
    kind, text = 'sign', ';'


def read(t, i, path):
    """(declaration or None, index past it)"""
    first, begin = t[i], i
    while True:
        if t[i].text == 'template':
            i = past_angles(t, i + 1)
            if t[i].text == 'requires':
                i = skip_requires(t, i + 1)
        elif t[i].text == '[' and t[i + 1].text == '[':
            i = past_bracket(t, i)
        elif t[i].text in SPECIFIERS or t[i].text == 'static' or t[i].text.startswith('SINTER_'):
            i += 1
        elif t[i].text == 'requires':
            i = skip_requires(t, i + 1)
        else:
            break
    word = t[i].text
    if word in ('static_assert', 'friend'):
        while t[i].text not in ('{', ';'):
            i = past_bracket(t, i) if t[i].text in '([' else i + 1
        return None, past_bracket(t, i) if t[i].text == '{' else i + 1
    if word in ('concept', 'using'):
        end = to_semicolon(t, i)
        kind = 'concept' if word == 'concept' else 'alias' if t[i + 2].text in ('=', '[') else 'using'
        name = t[end - 2].text if kind == 'using' else t[i + 1].text
        if t[i + 1].text == 'namespace':
            return None, end
        return Declaration(kind, name, t[begin : end - 1], None, first, path), end
    if word in ('struct', 'class', 'union', 'enum'):
        return read_type(t, i, begin, path)
    return read_function(t, i, begin, path)


def read_type(t, i, begin, path):
    first, word = t[begin], t[i].text
    i += 2 if t[i + 1].text in ('class', 'struct') else 1
    while t[i].text in ('[', 'alignas'):
        i = past_bracket(t, i if t[i].text == '[' else i + 1)
    name = t[i].text
    while t[i + 1].text == '::':
        i, name = i + 2, None
    special = t[i + 1].text == '<'
    while t[i].text not in ('{', ';'):
        i = past_angles(t, i) if t[i].text == '<' else i + 1
    head, body = t[begin:i], None
    if t[i].text == '{':
        body_end = past_bracket(t, i)
        body = t[i + 1 : body_end - 1]
        i = body_end
        while t[i].text != ';':
            i += 1
    d = Declaration('enum' if word == 'enum' else 'type', name, head, body, first, path)
    d.special, d.trailing = special, t[i].trailing
    d.after = join(t[body_end:i]) if body is not None else ''  # a variable of the type
    d.access = 'struct' if word == 'enum' else word
    return (d if name else None), i + 1


def read_function(t, i, begin, path):
    first, name, elsewhere = t[begin], None, False
    while t[i].text not in ('(', '=', '{', ';'):
        if t[i].text in ('decltype', 'noexcept', 'alignas', '__attribute__', 'explicit') and t[i + 1].text == '(':
            i = past_bracket(t, i + 1)
        elif t[i].text == 'operator':
            at = i
            i += 1
            while t[i].text != '(' or t[i - 1].text == 'operator':
                i += 1
            name = 'operator' + join(t[at + 1 : i])
            elsewhere = t[at - 1].text == '::'
        elif t[i].text == '<':
            i = past_angles(t, i)
        elif t[i].text == '[':
            i = past_bracket(t, i)
        else:
            if t[i].kind == 'word':
                name, elsewhere = t[i].text, t[i - 1].text == '::'
            i += 1
    if t[i].text != '(':  # a variable
        end = to_semicolon(t, i)
        d = Declaration('variable', name, t[begin : end - 1], None, first, path)
        d.trailing = t[end - 1].trailing
        return d, end
    i = past_bracket(t, i)
    while t[i].text not in ('{', ';', ':', '='):
        if t[i].text == 'requires':
            i = skip_requires(t, i + 1)
        elif t[i].text in ('(', '['):
            i = past_bracket(t, i)
        elif t[i].text == '<':
            i = past_angles(t, i)
        else:
            i += 1
    head = t[begin:i]
    special = t[i].text == '=' and t[i + 1].text in ('default', 'delete')
    while t[i].text not in ('{', ';'):
        if t[i].text in ('(', '['):
            i = past_bracket(t, i)
        elif t[i].text == '<':
            i = past_angles(t, i)
        elif t[i].text == '{':
            i = past_bracket(t, i)
        elif t[i].kind == 'word' and t[i + 1].text == '{':  # a member that is initialised in braces
            i = past_bracket(t, i + 1)
        else:
            i += 1
    trailing = t[i].trailing
    i = past_bracket(t, i) if t[i].text == '{' else i + 1
    if elsewhere or not name:
        return None, i
    d = Declaration('function', name, head, None, first, path)
    d.trailing, d.special = trailing, special
    return d, i


def declarations(path):
    """(namespace, declaration) of a header, in order."""
    t, i, stack = tokens(path.read_text(encoding='utf-8')), 0, []
    while i < len(t):
        if t[i].text == 'namespace' or t[i].text == 'inline' and t[i + 1].text == 'namespace':
            i += 1 if t[i].text == 'namespace' else 2
            parts = []
            while t[i].text not in ('{', '='):
                if t[i].kind == 'word' and t[i].text not in ('inline', 'SINTER_ABI'):
                    parts.append(t[i].text)
                i += 1
            if t[i].text == '{':
                stack.append(parts)
                i += 1
            else:
                i = to_semicolon(t, i)
        elif t[i].text == '}':
            stack.pop()
            i += 1
        elif t[i].text == ';':
            i += 1
        elif t[i].text.startswith('SINTER_') and t[i + 1].text == '(':
            i = past_bracket(t, i + 1)
        elif t[i].text == 'extern' and t[i + 1].kind == 'string' and t[i + 2].text == '{':
            stack.append([])
            i += 3
        else:
            first = i
            try:
                d, i = read(t, i, path)
            except IndexError:
                words = ' '.join(x.text for x in t[first : first + 12])
                raise SystemExit(f'{path}: docs/reference.py does not understand "{words} …"') from None
            if d is not None:
                yield '::'.join(sum(stack, [])), d


def members(body, access, path):
    """The public members of a type."""
    t, i, public, result = body, 0, access == 'struct', []
    while i < len(t):
        if t[i].text in ('public', 'private', 'protected') and t[i + 1].text == ':':
            public, i = t[i].text == 'public', i + 2
        elif t[i].text == ';':
            i += 1
        elif t[i].text.startswith('SINTER_') and t[i + 1].text == '(':
            i = past_bracket(t, i + 1)
        else:
            d, i = read(t, i, path)
            if d is not None and public:
                result.append(d)
    return result


def join(t):
    """The tokens as text, spaced as in their file but on one line."""
    out, end = '', None
    for x in t:
        out += ' ' if end is not None and x.start > end else ''
        out += x.text
        end = x.end
    return re.sub(r'([([]|(?<=\w)<) ', r'\1', out)
