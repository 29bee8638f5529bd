#!/usr/bin/env python3
"""Writes docs/reference/: every public name with its signature, its comment and its header.

python3 docs/reference.py           writes the pages
python3 docs/reference.py --check   fails where they are not what it would write, or a public name has no comment

What is public stands in tests/names/public.txt, and in the namespaces of PAGES. Signatures and comments are those of the
headers; what a name is declared with besides (attributes, bodies, constexpr) is left out."""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / 'tests/names'))
from collect import (
    CLOSES,
    SPECIFIERS,
    declaration,
    declarations,
    past_angles,
    past_bracket,
    skip_requires,
)  # noqa: E402

# Title, folders of headers, and what the page is about, in the order of the index.
PAGES = [
    ('Tensors', ['tensor'], 'Tensors, extents, dtypes, views, random numbers, errors.'),
    ('Programs', ['graph', 'eager', 'backend', 'compile'], 'Parameters, symbols, statements, and what runs a program.'),
    ('Operations', ['ops'], 'Functions of tensors, in statements and in traced functions alike.'),
    ('Transforms', ['transform'], 'Functions in, functions out.'),
    ('Layers and losses', ['nn'], 'Namespace `nn`.'),
    ('Optimizers', ['optim'], 'Namespace `optim`.'),
    ('Data', ['data'], 'Namespace `data`.'),
    ('Training and inference', ['train'], 'Models, training steps, programs of nets, metrics, profiles.'),
    ('Files', ['io'], 'Namespace `io`, and what saves and loads models.'),
    ('Images', ['vision'], 'Images as nets expect them.'),
    ('Networks', ['models'], 'Whole networks, namespace `models`.'),
]
NAMESPACES = {'nn', 'nn::init', 'optim', 'data', 'io', 'random', 'vision', 'models'}
WIDTH = 100


def slug(title):
    return title.lower().replace(' ', '_')


def comment_before(text, begin):
    """The /// comment on the lines directly before a position."""
    lines, found = text[:begin].split('\n')[:-1], []
    while lines and lines[-1].strip().startswith('///') and not lines[-1].strip().startswith('///<'):
        found.insert(0, re.sub(r'^\s*/// ?', '', lines.pop()))
    return '\n'.join(found)


def comment_after(text, end):
    """The ///< comment on the same line."""
    m = re.match(r'[^\n]*?///< ?([^\n]*(?:\n\s*///< ?[^\n]*)*)', text[end:])
    return re.sub(r'\s*///< ?', ' ', m[1]).strip() if m else ''


def past_templates(t, i):
    while True:
        if t[i].text == 'template':
            i = past_angles(t, i + 1)
            if t[i].text == 'requires':
                i = skip_requires(t, i + 1)
        elif t[i].text == '[' and t[i + 1].text == '[':
            i = past_bracket(t, i)
        elif t[i].text in SPECIFIERS:
            i += 1
        else:
            return i


def past_template_lists(t, i):
    while t[i].text == 'template':
        i = past_angles(t, i + 1)
        if t[i].text == 'requires':
            i = skip_requires(t, i + 1)
    return i


def joined(text, t, begin, end):
    """The source of tokens without comments, attributes and specifiers, in one line."""
    words, i, last = '', begin, None
    while i < end:
        if t[i].text == '[' and i + 1 < end and t[i + 1].text == '[':
            i = past_bracket(t, i)
            continue
        if t[i].text in SPECIFIERS or t[i].text.startswith('SINTER_'):
            i += 1
            continue
        if last is not None and re.search(r'\s', text[last : t[i].begin]):
            words += ' '
        words += t[i].text
        last = t[i].end
        i += 1
    words = re.sub(r'\b(internals|graph|tensor_detail|ops|backend|train|transform)::(?=\w)', '', words)
    words = re.sub(r'\b(internals|graph|tensor_detail|ops|backend|train|transform)::(?=\w)', '', words)
    return re.sub(r'\s+', ' ', words).strip()


def parted(text, t, begin, end):
    """The same in several lines: the template's parameters, its constraints, and what is declared."""
    lines, i = [], begin
    while t[i].text == 'template':
        past = past_angles(t, i + 1)
        lines.append(joined(text, t, i, past))
        i = past
        if t[i].text == 'requires':
            past = skip_requires(t, i + 1)
            lines.append(joined(text, t, i, past))
            i = past
    return '\n'.join(lines + [joined(text, t, i, end)])


def without_body(text, t, begin, end, kind):
    """The declaration of a function, variable, alias or concept without its body or a long value."""
    i, depth_end = begin, end
    if kind == 'function':
        i = past_templates(t, begin)
        while t[i].text not in ('{', ';'):
            if t[i].text == '=' and t[i + 1].text in ('default', 'delete', '0'):
                break
            i = past_bracket(t, i) if t[i].text in ('(', '[') else i + 1
        depth_end = i
        colon = next((k for k in range(begin, i) if t[k].text == ':' and t[k - 1].text == ')'), None)
        if colon:  # initialisers of a constructor
            depth_end = colon
    else:
        depth_end = end - 1
        line = joined(text, t, begin, depth_end)
        if len(line) > 300 or kind == 'variable' and '[]' in line:
            k = past_templates(t, begin)
            while k < depth_end and t[k].text not in ('=', '{'):
                k = past_bracket(t, k) if t[k].text in CLOSES else k + 1
            return parted(text, t, begin, k) + (' = …' if kind != 'concept' else '')
    return re.sub(r'^Result<.*> (?=[\w&|^!=<>+*/%~-]+\()', 'auto ', parted(text, t, begin, depth_end), flags=re.M)


def wrapped(signature):
    return '\n'.join(
        '\n'.join(textwrap.wrap(line, WIDTH, subsequent_indent='    ', break_long_words=False, break_on_hyphens=False))
        for line in signature.split('\n')
    )


def members(text, t, i, end, public):
    """(signature, comment) of the public members between two brackets that have a comment, and of all fields."""
    while i < end:
        if t[i].text in ('public', 'private', 'protected') and t[i + 1].text == ':':
            public = t[i].text == 'public'
            i += 2
            continue
        if t[i].text in (';', '}') or t[i].text.startswith('SINTER_') and t[i].text.isupper():
            i = past_bracket(t, i + 1) if t[i + 1].text == '(' and t[i].text != ';' else i + 1
            continue
        first = i
        try:
            kind, _, i = declaration(t, i)
        except IndexError:
            return
        if not public or kind in ('assertion', 'using', 'directive') or i > end:
            continue
        comment = comment_before(text, t[first].begin)
        after = comment_after(text, t[i - 1].end)
        note = '\n'.join(c for c in (comment, after) if c)
        if note.startswith('For the library'):
            continue
        is_field = kind == 'variable' and t[first].text not in ('static', 'using', 'friend')
        if (
            note
            and kind not in ('type', 'declared type')
            or is_field
            and not text[t[first].begin :].startswith('template')
        ):
            is_static = any(x.text == 'static' for x in t[past_template_lists(t, first) : past_templates(t, first)])
            yield ('static ' if is_static else '') + ' '.join(without_body(text, t, first, i, kind).split()), note


def entry_of(path, text, t, kind, first, end):
    if kind in ('type', 'declared type'):
        i = past_templates(t, first)
        while t[i].text not in ('{', ';', ':'):
            i = past_angles(t, i) if t[i].text == '<' else past_bracket(t, i) if t[i].text in ('(', '[') else i + 1
        head = parted(text, t, first, i)
        while t[i].text not in ('{', ';'):
            i += 1
        if t[i].text == ';':
            return head, []
        if re.search(r'\benum\b', head):
            body = text[t[i].begin : t[past_bracket(t, i) - 1].end]
            return head + ' ' + re.sub(r'\s+', ' ', re.sub(r'//[^\n]*', '', body)), []
        is_public = not re.search(r'(^|[> ])class \w+$', head)
        return head, list(members(text, t, i + 1, past_bracket(t, i) - 1, is_public))
    return without_body(text, t, first, end, kind), []


def collected():
    """{page: {name: [(signature, comment, members, header)]}}, and what is public without a comment."""
    public = set((ROOT / 'tests/names/public.txt').read_text().split())
    folder = ROOT / 'include/sinter'
    pages, bare = {title: {} for title, *_ in PAGES}, set()
    page_of = {f: title for title, folders, _ in PAGES for f in folders}
    documented = set()
    comment = ''
    for path, text, t, namespace, kind, names, first, end, has_comment in declarations(folder):
        inner = namespace.removeprefix('sinter').removeprefix('::')
        room = path.relative_to(folder).parts[0]
        if kind in ('namespace', 'assertion', 'using', 'directive'):
            continue
        own = comment_before(text, t[first].begin)
        comment = own or (comment if has_comment else '')
        for name in names:
            is_public = name in public if inner == '' else inner in NAMESPACES
            if not namespace.startswith('sinter') or not is_public or room not in page_of:
                continue
            full = f'{inner}::{name}' if inner else name
            if kind == 'declared type':  # errors, and what is defined elsewhere
                continue
            if any(x.text == 'noreturn' for x in t[first : first + 8]):  # errors too
                continue
            signature, parts = entry_of(path, text, t, kind, first, end)
            if re.search(rf'(^|\n)(explicit )?{name}\(.*\) -> {name}\b', signature):  # a deduction guide
                continue
            if comment:
                documented.add(full)
            else:
                bare.add(full)
            header = str(path.relative_to(folder.parent))
            known = pages[page_of[room]].setdefault(full, [])
            if all(signature != s for s, *_ in known):
                known.append((signature, comment if own or not known else '', parts, header))
    return pages, bare - documented


def paragraphs(comment):
    """A comment as Markdown: text wrapped at 120 columns, indented lines as code."""
    out, code, prose = [], [], []

    def flush():
        if prose:
            out.extend(textwrap.wrap(' '.join(prose), 118, break_long_words=False, break_on_hyphens=False) + [''])
            prose.clear()
        if code:
            out.extend(['```cpp', *textwrap.dedent('\n'.join(code)).strip('\n').split('\n'), '```', ''])
            code.clear()

    for line in comment.split('\n'):
        if line.startswith('  ') and not prose or line.startswith('  ') and prose and prose[-1].endswith(':'):
            if prose:
                flush()
            code.append(line)
        elif not line.strip():
            flush()
        else:
            if code:
                flush()
            prose.append(line.strip())
    flush()
    return out


def page(title, about, names):
    out = [f'# {title}', '', about, '', '[All names](README.md)', '']
    for name in sorted(names, key=lambda n: (n.split('::')[-1].lower(), n)):
        entries = names[name]
        out += [f'## {name}', '']
        headers = sorted({h for *_, h in entries})
        out += ['#include ' + ', '.join(f'`<{h}>`' for h in headers), '']
        for signature, comment, parts, _ in entries:
            out += ['```cpp', *wrapped(signature).split('\n'), '```', '']
            out += paragraphs(comment)
            for member, note in parts:
                note = ' '.join(note.split())
                lines = wrapped(member)
                out += ['```cpp', *lines.split('\n'), '```', ''] if len(lines) > 90 else [f'- `{lines}`']
                if note:
                    text = textwrap.wrap(note, 116, break_long_words=False, break_on_hyphens=False)
                    if out[-1].startswith('- '):
                        out[-1] += '  '
                        out += ['  ' + line for line in text]
                    else:
                        out += text + ['']
            if parts and out[-1]:
                out.append('')
    return '\n'.join(out).rstrip() + '\n'


def pages():
    """{file name: text}"""
    found, bare = collected()
    made = {f'{slug(title)}.md': page(title, about, found[title]) for title, _, about in PAGES}
    index = ['# Every public name', '', 'Written from the headers by `docs/reference.py`.', '']
    for title, _, about in PAGES:
        index.append(f'- [{title}]({slug(title)}.md): {about}')
    letters = {}
    for title, *_ in PAGES:
        for name in found[title]:
            anchor = re.sub(r'[^\w -]', '', name).lower().replace(' ', '-')
            letters.setdefault(name.split('::')[-1][0].upper(), []).append(
                (name.split('::')[-1].lower(), name, f'[{name}]({slug(title)}.md#{anchor})')
            )
    for letter in sorted(letters):
        index += ['', f'## {letter}', '']
        index += [f'- {link}' for _, _, link in sorted(letters[letter])]
    made['README.md'] = '\n'.join(index) + '\n'
    return made, bare


def main():
    made, bare = pages()
    folder = ROOT / 'docs/reference'
    failed = [f'{name}: expected a comment (///) before it, found none' for name in sorted(bare)]
    if '--check' in sys.argv:
        there = {p.name: p.read_text(encoding='utf-8') for p in folder.glob('*.md')}
        differ = sorted(n for n in made.keys() | there.keys() if made.get(n) != there.get(n))
        failed += [f'docs/reference/{n} is not what the headers say: run python3 docs/reference.py' for n in differ]
    else:
        folder.mkdir(exist_ok=True)
        for name, text in made.items():
            (folder / name).write_text(text, encoding='utf-8')
    if failed:
        raise SystemExit('\n'.join(failed))
    print(f'{sum(text.count(chr(10) + "## ") for n, text in made.items() if n != "README.md")} public names')


main()
