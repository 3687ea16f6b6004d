"""The paper's two claims and its ablations in miniature, by the real readers and the real trainer."""
