"""What the headers declare in a namespace: a reader of C++ that knows just enough for the declarations of these
headers.

collect(folder) returns {namespace: {name: {"kind": …, "files": {…}, "documented": bool}}}. Functions, types, variables,
concepts, aliases and namespaces count; members of types, operators, specialisations and deduction guides do not. A
declaration is documented by a /// comment before it, or before one that it follows without an empty line."""

import pathlib
import re
import typing

TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<directive>^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)|'
    r'(?P<raw>R"(?P<delimiter>[^(]*)\(.*?\)(?P=delimiter)")|'
    r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<char>\'(?:[^\'\\\n]|\\.)+\')|'
    r'(?P<number>\.?\d(?:\'?[\w.]|(?<=[eEpP])[+-])*)|(?P<word>[A-Za-z_]\w*)|'
    r'(?P<sign>::|->|&&|\|\||<=>|[^\s\w])',
    re.S | re.M,
)
CLOSES = {'(': ')', '[': ']', '{': '}'}
SPECIFIERS = {
    'inline',
    'constexpr',
    'consteval',
    'constinit',
    'static',
    'extern',
    'friend',
    'SINTER_INLINE',
    'SINTER_OUTLINE',
    'SINTER_COLD',
    'thread_local',
}


class Token(typing.NamedTuple):
    kind: str
    text: str
    documented: bool  # a /// comment stands directly before it
    separated: bool  # an empty line stands before it and its comment


def tokens(text):
    """The tokens of a file without its comments and directives."""
    result, documented, separated, end = [], False, False, 0
    for m in TOKEN.finditer(text):
        if text.count('\n', end, m.start()) > 1:
            documented, separated = False, True
        end = m.end()
        if m.lastgroup == 'comment':
            documented = documented or m.group().startswith('///') and not m.group().startswith('///<')
        elif m.lastgroup != 'directive':
            result.append(Token('raw' if m.lastgroup == 'delimiter' else m.lastgroup, m.group(), documented, separated))
            documented = separated = False
    return result


def past_bracket(t, i):
    """Past the bracket that closes t[i]."""
    opens, closes, depth = t[i].text, CLOSES[t[i].text], 0
    while True:
        if t[i].kind == 'sign':
            depth += (t[i].text == opens) - (t[i].text == closes)
        i += 1
        if depth == 0:
            return i


def past_angles(t, i):
    """Past the > that closes the < at t[i]; parentheses protect comparisons."""
    depth = 0
    while True:
        if t[i].text in CLOSES and t[i].kind == 'sign':
            i = past_bracket(t, i)
            continue
        depth += (t[i].text == '<') - (t[i].text == '>')
        i += 1
        if depth == 0:
            return i


def skip_requires(t, i):
    """Past the constraint that begins at t[i]: primary expressions joined by && and ||."""
    while True:
        if t[i].text == '!':
            i += 1
        if t[i].text == '(':
            i = past_bracket(t, i)
        elif t[i].text == 'requires':  # a requires expression
            i += 1
            if t[i].text == '(':
                i = past_bracket(t, i)
            i = past_bracket(t, i)
        else:
            while True:
                i += 1  # a word or ::
                if t[i].text == '<':
                    i = past_angles(t, i)
                if t[i].text == '(':
                    i = past_bracket(t, i)
                if t[i].text != '::' and t[i - 1].text != '::':
                    break
        if t[i].text not in ('&&', '||'):
            return i
        i += 1


def to_semicolon(t, i):
    while t[i].text != ';':
        i = past_bracket(t, i) if t[i].text in CLOSES else i + 1
    return i + 1


def declaration(t, i):
    """(kind, names, index past it) of the declaration at t[i]."""
    while True:  # what stands before the declaration itself
        if t[i].text == 'template':
            i = past_angles(t, i + 1)
            if t[i].text == 'requires':
                i = skip_requires(t, i + 1)
        elif t[i].text == '[' and t[i + 1].text == '[':
            i = past_bracket(t, i)
        elif t[i].text in SPECIFIERS:
            i += 1
        elif t[i].text == '__attribute__':
            i = past_bracket(t, i + 1)
        else:
            break
    word = t[i].text
    if word == 'static_assert':
        return 'assertion', [], to_semicolon(t, i)
    if word == 'concept':
        return 'concept', [t[i + 1].text], to_semicolon(t, i)
    if word == 'using':
        end = to_semicolon(t, i)
        if t[i + 1].text == 'namespace':
            return 'directive', [], end
        if t[i + 2].text in ('=', '['):
            return 'alias', [t[i + 1].text], end
        return 'using', [t[end - 2].text], end
    if word in ('struct', 'class', 'union', 'enum'):
        i += 1
        if t[i].text in ('class', 'struct'):
            i += 1
        while t[i].text in ('[', 'alignas', '__attribute__'):
            i = past_bracket(t, i if t[i].text == '[' else i + 1)
        name, elsewhere = t[i].text, False
        while t[i + 1].text == '::':  # the definition of a member
            i, elsewhere = i + 2, True
        i += 1
        if t[i].text == '<':  # a specialisation
            i, elsewhere = past_angles(t, i), True
        defined, after, end = False, [], to_semicolon(t, i)
        while i < end:
            if t[i].text == '{':
                i, defined = past_bracket(t, i), True
                if t[i].kind == 'word':
                    after = [t[i].text]  # a variable of the type
            else:
                i += 1
        return 'type' if defined else 'declared type', [] if elsewhere else [name] + after, end
    # A function or a variable: its name is the last word before ( of parameters, = or { or ;.
    name, member = None, False
    while t[i].text not in ('(', '=', '{', ';'):
        if t[i].text == 'requires':
            i = skip_requires(t, i + 1)
        elif t[i].text in ('decltype', 'noexcept', 'alignas', '__attribute__'):
            i = past_bracket(t, i + 1) if t[i + 1].text == '(' else i + 1
        elif t[i].text == 'operator':
            i += 1
            while t[i].text != '(' or t[i - 1].text == 'operator':
                i += 1
            name, member = None, True
            break
        elif t[i].text == '<':
            i = past_angles(t, i)
        elif t[i].text == '[':
            i = past_bracket(t, i)
        else:
            if t[i].kind == 'word':
                name, member = t[i].text, t[i - 1].text == '::'  # the definition of a member elsewhere
            i += 1
    kind = 'function' if t[i].text == '(' else 'variable'
    while True:  # to the end of the declaration
        if t[i].text == ';':
            return kind, [] if member else [name], i + 1
        if t[i].text == '{':
            i = past_bracket(t, i)
            if kind == 'function':
                return kind, [] if member else [name], i
        else:
            i = past_bracket(t, i) if t[i].text in CLOSES else i + 1


def collect(folder):
    found = {}

    def note(namespace, name, kind, documented, path):
        entry = found.setdefault(namespace, {}).setdefault(name, {'kind': kind, 'files': set(), 'documented': False})
        entry['files'].add(str(path.relative_to(folder)))
        entry['documented'] |= documented

    for path in sorted(pathlib.Path(folder).rglob('*.hpp')):
        t, i, stack, documented = tokens(path.read_text(encoding='utf-8')), 0, [], False
        while i < len(t):
            if t[i].text == 'namespace' or t[i].text == 'inline' and t[i + 1].text == 'namespace':
                i += 1 if t[i].text == 'namespace' else 2
                parts = []
                while t[i].text not in ('{', '='):
                    # names look through the version's own namespace
                    if t[i].kind == 'word' and t[i].text not in ('inline', 'SINTER_ABI'):
                        parts.append(t[i].text)
                    i += 1
                for depth in range(len(parts)):
                    note('::'.join(sum(stack, []) + parts[:depth]), parts[depth], 'namespace', True, path)
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
            elif t[i].text.startswith('SINTER_') and t[i + 1].text == '(':  # the rows of a table
                i = past_bracket(t, i + 1)
            elif t[i].text == 'extern' and t[i + 1].kind == 'string' and t[i + 2].text == '{':
                stack.append([])
                i += 3
            else:
                documented = t[i].documented or documented and not t[i].separated
                first = i
                try:
                    kind, names, i = declaration(t, i)
                except IndexError:
                    raise SystemExit(
                        f'{path}: this reader does not understand "{" ".join(x.text for x in t[first:first + 12])} …"'
                    ) from None
                for name in names:
                    note('::'.join(sum(stack, [])), name, kind, documented, path)
    return found


if __name__ == '__main__':
    import sys

    for name, entry in sorted(collect(sys.argv[1]).get(sys.argv[2] if len(sys.argv) > 2 else 'sinter', {}).items()):
        print(
            f"{entry['kind']:14} {name:40} {'' if entry['documented'] else '(no comment) '}"
            f"{' '.join(sorted(entry['files']))}"
        )
