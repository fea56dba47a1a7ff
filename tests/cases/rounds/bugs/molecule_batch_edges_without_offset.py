"""Graphs of a batch are flattened into one node list, but the edge indices are not shifted: all messages come from the first graph."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='molecule_batch_edges_without_offset')


@reg
class MessagePassing(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.own = L.Dense(units, name='own')
        self.message = L.Dense(units, use_bias=False, name='message')
        self.strength = L.Dense(units, activation='sigmoid', name='strength')

    def flat_edges(self, bonds, atoms):
        return tf.reshape(bonds, (-1, 2))

    def call(self, atoms, bonds, lengths):
        n = atoms.shape[1]
        flat = tf.reshape(atoms, (-1, atoms.shape[-1]))
        e = self.flat_edges(bonds, n)
        s = tf.reshape(self.strength(lengths), (-1, self.units))
        msg = tf.gather(self.message(flat), e[:, 0]) * s
        agg = tf.math.unsorted_segment_sum(msg, e[:, 1], tf.shape(flat)[0])
        return tf.reshape(tf.nn.relu(self.own(flat) + agg), (-1, n, self.units))

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@reg
class OffsetMessagePassing(MessagePassing):
    def flat_edges(self, bonds, atoms):
        shift = atoms * tf.range(tf.shape(bonds)[0])
        return tf.reshape(bonds + shift[:, None, None], (-1, 2))


def net(layer):
    keras.utils.set_random_seed(19)
    a, b = keras.Input((5, 4), name='atoms'), keras.Input((6, 2), dtype='int32', name='bonds')
    d = keras.Input((6, 1), name='bond_length')
    h = layer(8, name='mp1')(a, b, d)
    h = layer(8, name='mp2')(h, b, d)
    m = keras.Model({'atoms': a, 'bonds': b, 'bond_length': d}, L.Dense(1, name='energy')(L.GlobalAveragePooling1D(name='readout')(h)))
    m.compile('adam', 'mse')
    return m


def build():
    return net(MessagePassing)


def fixed():
    return net(OffsetMessagePassing)


def sample():
    r = np.random.default_rng(8)
    return {'atoms': r.normal(size=(6, 5, 4)).astype('float32'), 'bonds': r.integers(0, 5, (6, 6, 2)).astype('int32'),
            'bond_length': r.uniform(.9, 1.6, (6, 6, 1)).astype('float32'), 'y': r.normal(size=(6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/pyg-team/pytorch_geometric/issues/932', 'title': 'Creating dataset of graphs: edge indices concatenated without a loader', 'source_kind': 'variant', 'category': 'batch_mixing',
    'culprit': {'input': 'bond_length', 'variable': None, 'layer': 'mp1', 'op': 'GatherV2', 'line': 'return tf.reshape(bonds, (-1, 2))'},
    'why': 'Every edge points into the first five rows, so the messages (and bond lengths) of all graphs are exchanged among the atoms of the first graph; the others get none.', 'fix': 'Add graph_index * atoms to the edges.',
    'also': [{'input': 'atoms', 'op': None}, {'input': 'bonds', 'op': None}, {'layer': 'mp1', 'op': None, 'line': 'msg = tf.gather('}, {'layer': 'mp1', 'op': 'UnsortedSegmentSum', 'line': 'agg = tf.math.unsorted_segment_sum('}, {'layer': 'mp2', 'op': None, 'line': None},
             {'layer': 'mp1', 'op': None, 'line': 'flat = tf.reshape(atoms'}, {'layer': 'mp1', 'op': None, 'line': 'e = self.flat_edges('}, {'layer': 'mp1', 'op': None, 'line': None}],
}
