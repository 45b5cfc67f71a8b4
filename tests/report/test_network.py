from reports.show.network import network_drawing


def test_the_network_drawing_shows_the_real_shapes():
    texts = [text.get_text() for text in network_drawing(25, 25).axes[0].texts]
    assert {"84", "120", "400", "16×5×5", "16×10×10", "16×14×14", "16×28×28", "1×28×28"} <= {*texts}


def test_the_network_drawing_shows_the_sizes_of_the_codes():
    texts = [text.get_text() for text in network_drawing(7, 11).axes[0].texts]
    assert {"class code\n7", "content code\n11 + noise"} <= {*texts}
