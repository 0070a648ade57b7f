from tools.mutants import with_decorators_below

DECORATED = '''
from contextlib import contextmanager
from functools import cache, cached_property

@cache
def twice(x):
    """Of a number."""
    return 2 * x

class Box:
    @cached_property
    def value(self):
        return twice(4)
    @staticmethod
    def kept():
        return 5

@contextmanager
def inside(
    seen,
):
    yield seen
'''


def test_decorated_functions_do_the_same_with_their_decorators_below():
    source = with_decorators_below(DECORATED)
    assert [line.strip() for line in source.splitlines() if "@" in line] == ["@staticmethod"]
    names: dict[str, object] = {}
    exec(source, names)
    box = names["Box"]()
    assert (box.value, box.kept(), vars(box)) == (8, 5, {"value": 8})
    assert names["twice"].cache_info().currsize == 1
    with names["inside"](7) as seen:
        assert seen == 7
