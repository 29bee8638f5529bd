#!/usr/bin/env python3
"""Tables as text, and what pandas and NumPy read from them, into csv.txt for tests/data/csv.cpp.

python3 make_csv.py > csv.txt

Made with pandas 3.1 and NumPy 2.4. A line is a case: name, options, the file, names of columns, rows, columns, missing
values, numbers as float32; fields are separated by tabs, the file and the names escaped as Python's bytes are."""

import io

import numpy as np
import pandas as pd


def pandas(text, **options):
    t = pd.read_csv(io.BytesIO(text), **{"header": None, **options})
    names = [str(c) for c in t.columns] if "header" in options else []
    return names, t.to_numpy(np.float64)


def genfromtxt(text, **options):
    t = np.genfromtxt(io.BytesIO(text), ndmin=2, **{"delimiter": ",", "encoding": "utf-8", **options})
    if t.dtype.names:
        return list(t.dtype.names), np.column_stack([t[n].reshape(-1) for n in t.dtype.names])
    return [], t


def loadtxt(text, **options):
    return [], np.loadtxt(io.BytesIO(text), ndmin=2, **{"delimiter": ",", "encoding": "utf-8", **options})


def savetxt(x, **options):
    out = io.BytesIO()
    np.savetxt(out, x, **{"delimiter": ",", **options})
    return out.getvalue()


def escaped(text):
    return repr(text)[2:-1].replace("\\'", "'")


def case(name, text, options, *read):
    """What every tool of `read` says of the text, which must be one thing."""
    names, numbers = read[0](text)
    for other in read[1:]:
        other_names, other_numbers = other(text)
        assert not other_names or not names or names == other_names, (name, names, other_names)
        names = names or other_names
        np.testing.assert_array_equal(numbers, other_numbers, name)
    with np.errstate(over="ignore", under="ignore"):
        numbers = numbers.astype(np.float32)
    print(
        name,
        options,
        escaped(text),
        escaped("|".join(names).encode()),
        *numbers.shape,
        np.isnan(numbers).sum(),
        " ".join(format(float(v), ".9g") for v in numbers.flatten()),
        sep="\t"
    )


def with_header(**options):
    return lambda text: pandas(text, header=0, **options)


x = np.array([[1.5, -2.25, 1e-7], [3, 4e20, 5]])
case("plain", b"1,2.5,-3e2\n4,5,6\n", "", pandas, genfromtxt, loadtxt)
case("no line end at the end", b"1,2\n3,4", "", pandas, genfromtxt, loadtxt)
case("names", b"a,b\n1,2\n3,4\n", "header", with_header(), lambda t: genfromtxt(t, names=True))
case("a mark before UTF-8", b"\xef\xbb\xbfa,b\n1,2\n3,4\n", "header", with_header())
case("a mark before numbers", b"\xef\xbb\xbf1,2\n3,4\n", "", pandas)
case("names that are not ASCII", "größe,κ\n1,2\n".encode(), "header", with_header())
case("quoted numbers", b'"a","b"\n"1.5","2"\n3,4\n', "header", with_header())
case("a delimiter within quotes", b'"a","b, cm"\n1,2\n', "header", with_header())
case("doubled quotes", b'"a ""x""",b\n1,2\n', "header", with_header())
case("line ends within quotes", b'"a\nb","c\r\nd"\n1,2\n3,4\n', "header", with_header())
case("blanks after quotes", b'a,b\n"1.5" ,2\n', "header", with_header())
case("empty fields", b"a,b\n1,\n,4\n", "header", with_header(), lambda t: genfromtxt(t, names=True))
case("empty fields in quotes", b'a,b\n1,""\n"",""\n', "header", with_header())
case("a row of nothing but empty fields", b"a,b\n,\n1,2\n", "header", with_header())
case("a column of one empty field in quotes", b'a\n""\n1\n', "header", with_header())
case(
    "missing values by name",
    b"\n".join(b"%d,%s" % (i, n.encode()) for i, n in enumerate(sorted(pd._libs.parsers.STR_NA_VALUES))) + b"\n",
    "",
    pandas,
)
case("not a number, infinite", b"nan,NaN,-nan\ninf,-inf,+inf\nInfinity,-Infinity,INF\n", "", pandas)
case("truth values", b"True,1\nFalse,2\nTRUE,3\nfalse,4\n", "", pandas)
case("savetxt with names", savetxt(x, header="a,b,c"), "header", lambda t: genfromtxt(t, names=True))
case(
    "savetxt with names and no comment",
    savetxt(x, header="a,b,c", comments=""),
    "header",
    with_header(),
    lambda t: genfromtxt(t, names=True),
)
case("savetxt with names, read without", savetxt(x, header="a,b,c"), "", genfromtxt, loadtxt)
case(
    "savetxt as it is",
    savetxt(x, delimiter=" "),
    "delimiter=32",
    lambda t: genfromtxt(t, delimiter=None),
    lambda t: loadtxt(t, delimiter=None),
)
case("comments before names", b"# made by hand\na,b\n1,2\n", "header", with_header(comment="#"))
commented = with_header(comment="#")


def stripped(text, **options):
    """pandas keeps the blank between a name and its comment."""
    names, numbers = pandas(text, **{"header": 0, "comment": "#", **options})
    return [n.strip() for n in names], numbers


case("a comment with delimiters after names", b"a,b # x, y\n1,2\n", "header", stripped)
case("a comment after names", b"a,b # units\n1,2\n", "header", stripped)
case("a comment after names in quotes", b'"a # 1","b" # x, "y\n1,2\n', "header", stripped)
case(
    "a comment after names and blanks",
    b"a b # c d\n1 2\n",
    "header|delimiter=32",
    with_header(sep=r"\s+", comment="#"),
)
case(
    "another comment after names",
    b"a\tb % x\ty\n1\t2\n",
    "header|delimiter=9|comment=37",
    lambda t: stripped(t, sep="\t", comment="%"),
)
case("a name that begins as comments do", b"id,#items\n1,2\n", "header", with_header())
case("a comment that tells of numbers", b"# 3 rows, 2 columns\n2020,2021\n1,2\n", "header", commented)
case("a comment with other delimiters before names", b"# made by hand, x\na,b\n1,2\n", "header", commented)
case("a comment with an open quote", b'# "x, y\n2020,2021\n1,2\n', "header", commented)
case(
    "savetxt with lines before names",
    savetxt(x, header="made by hand, on a, day\n5 columns\na,b,c"),
    "header",
    lambda t: genfromtxt(t, names=True, skip_header=2),
)
case(
    "a comment like a missing value",
    b"1,2\n#na\n#NA\n#NA, too, long\n#n/a,5\n3,4\n",
    "",
    lambda t: pandas(t, comment="#"),
    genfromtxt,
)
case(
    "a comment like a missing value first",
    b"#NA,1\n#NA\n# x\n\n1,2,3\n4,5,6\n",
    "",
    lambda t: pandas(t, comment="#"),
    genfromtxt,
)
case("a comment like a missing value before names", b"#NA\na,b\n1,2\n", "header", commented)
case("missing values with the comment's character", b"#N/A,1\n2,3\n#NA,4\n#N/A N/A,5\n", "", pandas)
case("missing values with the comment's character below names", b"a,b\n#N/A,1\n2,3\n#NA,\n", "header", with_header())
case("missing values with the comment's character, one column", b"#NA\n1\n#N/A\n", "", pandas)
case(
    "missing values with the comment's character and a comment",
    b"1,2\n#N/A,3 # c, d\n",
    "",
    lambda t: pandas(t.replace(b" # c, d", b"")),
)
case(
    "comments after rows and between them",
    b"1,2 # one\n# two, three\n3,4#five\n",
    "",
    lambda t: pandas(t, comment="#"),
    genfromtxt,
    loadtxt,
)
case(
    "another comment", b"% a\n1,2\n", "comment=37", lambda t: pandas(t, comment="%"), lambda t: loadtxt(t, comments="%")
)
case("no comments", b"1,#N/A\n#N/A,2\n", "comment=0", pandas)
case("blank lines", b"a,b\n\n1,2\n   \n3,4\n \t \n\n", "header", with_header())
case("blank lines first", b"\n\n1,2\n3,4\n", "", pandas, genfromtxt, loadtxt)
case("blanks around numbers", b" 1 , 2\t\n\t3,4 \n", "", pandas, genfromtxt, loadtxt)
case("lines of Windows", b"a,b\r\n1,2\r\n\r\n3,4\r\n", "header", with_header(), lambda t: genfromtxt(t, names=True))
case("lines of the first Macintosh", b"a,b\r1,2\r3,4", "header", with_header())
case("a delimiter at every end", b"1,2,\n3,4,\n", "", pandas, genfromtxt)
case("a delimiter at every end but the header's", b"a,b\n1,2,\n3,4,\n", "header", with_header(index_col=False))
case("tabs", b"a\tb\n1\t2\n\t4\n", "header|delimiter=9", with_header(sep="\t"))
case("a row of tabs", b"a\tb\n\t\n1\t2\n", "header|delimiter=9", with_header(sep="\t"))
case(
    "semicolons and decimal commas",
    b"a;b\n1,5;2\n-3,25;1,5e2\n",
    "header|delimiter=59|decimal=44",
    with_header(sep=";", decimal=","),
)
case(
    "runs of blanks",
    b"  1 2\t 3\n4  5 6   \n",
    "delimiter=32",
    lambda t: pandas(t, sep=r"\s+"),
    lambda t: genfromtxt(t, delimiter=None),
    lambda t: loadtxt(t, delimiter=None),
)
case(
    "runs of blanks, names", b"a  b\n1   2\n 3 4 # five\n", "header|delimiter=32", with_header(sep=r"\s+", comment="#")
)
case(
    "small and large numbers",
    b"1e-400,-1e-400,1e300,-1e400\n1e-45,1e-46,3.4028235e38,3.4028236e38\n",
    "",
    pandas,
    genfromtxt,
    loadtxt,
)
case(
    "ways to write numbers",
    b"1.,.5,+1,-.5e1\n1E5,1e+5,007,0.10\n-0,0e9,1e05,123456789012345678901234567890\n",
    "",
    pandas,
    genfromtxt,
    loadtxt,
)
case("names without rows", b"a,b\n", "header", with_header())
