//! Text and codes become findings with reasons. Pure: the same input and rules give the same answer.
