"""What the papers that this project follows say of themselves, beside what this project measures: one source a module, see `sources`.

No paper's code runs here. A paper's figure says where it is quoted from, and a claim about data that are not here says so.
"""
