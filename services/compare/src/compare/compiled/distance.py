"""The edit distance of two texts: the one loop here that takes time, and so the module that is compiled."""

from librt.vecs import vec
from mypy_extensions import i64


def distance(before: str, after: str) -> int:
    """Count the characters to insert, delete or replace to make one text of another (Levenshtein).

    Args:
        before: A text.
        after: Another.

    Returns:
        The least number that does; the same in both directions.
    """
    shorter, longer = sorted((before, after), key=len)
    # Machine integers side by side: a list would hold each as an object of its own, compiled or not.
    codes = vec[i64]([ord(character) for character in shorter])
    # Of the table of all prefixes' distances, one row: that of the longer text's prefix so far.
    row = vec[i64](range(len(shorter) + 1))
    for character in longer:
        code: i64 = ord(character)
        diagonal = row[0]
        left = row[0] = diagonal + 1
        for column in range(len(codes)):
            above = row[column + 1]
            if code == codes[column]:
                left = diagonal
            else:
                # one by one: `min` of two is compiled to a comparison, of three to a call
                left = min(left, above)
                left = min(left, diagonal) + 1
            row[column + 1] = left
            diagonal = above
    return row[len(codes)]
