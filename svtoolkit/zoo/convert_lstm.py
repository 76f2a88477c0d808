"""Key maps of the recurrent encoders: Resemblyzer's GE2E LSTM and the small BiLSTMs."""

from svtoolkit.zoo.key_map import weight_bias


def lstm_keys(layers: int = 3, bidirectional: bool = False) -> dict[str, str]:
    """Keys of an LSTM called ``lstm``; Resemblyzer's linear layer follows it, the BiLSTMs have none.

    Args:
        layers: number of layers.
        bidirectional: whether it is read in both directions.
    """
    keys = {}
    for layer in range(layers):
        for direction in ('', '_reverse') if bidirectional else ('',):
            for kind in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'):
                name = f'lstm.{kind}_l{layer}{direction}'
                keys[name] = f'backbone.{name}'
    return keys if bidirectional else keys | weight_bias('linear', 'embedding.linear')
