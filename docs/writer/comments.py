"""Doc comments as Markdown, and as comments in code."""

import re
import textwrap

WIDTH = 120


def paragraphs(comment):
    """[('text' or 'code', text)] of the lines of a doc comment."""
    out = []
    for line in comment:
        line = line[1:] if line.startswith(' ') else line
        kind = 'code' if line.startswith('  ') else 'text'
        if not line.strip():
            out.append(None)
        elif out and out[-1] is not None and out[-1][0] == kind:
            out[-1] = (kind, out[-1][1] + ('\n' + line if kind == 'code' else ' ' + line.strip()))
        else:
            out.append((kind, line if kind == 'code' else line.strip()))
    return [(k, textwrap.dedent(x) if k == 'code' else x) for k, x in (p for p in out if p is not None)]


ARGUMENTS = r'\((?:[^()]|\([^()]*\))*\)'
CODE = (  # what is code in a comment, though not marked as such
    rf'((?<![\w.])(?:torch|jax|numpy|pandas|dtype|self)(?:\.\w+)+(?:{ARGUMENTS})?|'
    rf'(?<![\w.])(?:[A-Za-z]\w*\.)+\w+{ARGUMENTS}|\b\w+(?:::\w+)+|'
    rf'\b\w+(?:/\w+)*\.[hc]pp\b|\b\w+=\w+\b|(?<![\w.])(?:[A-Za-z]\w*\.)*\w*[A-Za-z0-9]_\w*(?:{ARGUMENTS})?)'
)


def markdown(text, link):
    """A paragraph, its names of public things linked, its equivalents in PyTorch as code."""
    spans = re.split(r'(`[^`]*`)', text)
    out = ''
    for i, s in enumerate(spans):
        if i % 2 == 0:
            for k, part in enumerate(re.split(CODE, s)):
                out += (link(part) or f'`{part}`') if k % 2 else re.sub(r'([*_<|])', r'\\\1', part)
        else:
            out += link(s[1:-1]) or s
    return out


def wrap(text, first, others):
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )


def fill(text, lead=''):
    return wrap(text, lead, ' ' * len(lead))


def prose(comment, link):
    lines = []
    for kind, text in paragraphs(comment):
        if kind == 'code':
            lines += ['```cpp', *text.split('\n'), '```', '']
            continue
        for part in re.split(r'(?<=[.:)`]) (?=(?:PyTorch|NumPy|JAX): )', text):
            part = re.sub(r'^(\w+: )(\w+)\.$', r'\1`\2`.', part)  # an argument's name
            lines += [*fill(markdown(part, link)), '']
    return lines


def remark(comment, indent):
    """A doc comment as one in code."""
    out = []
    for kind, text in paragraphs(comment):
        if kind == 'code':
            out += [f'{indent}//   {line}'.rstrip() for line in text.split('\n')]
        else:
            out += wrap(text, indent + '// ', indent + '// ')
    return out
